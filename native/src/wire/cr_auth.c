/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_auth.h"

#include "cr_error.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/random.h>

#define MAGIC_SIZE 8
#define NONCE_SIZE 32

static const uint8_t MAGIC[MAGIC_SIZE] = "QSCEv1";

/* HMAC-SHA256(key, ROLE FIRST SECOND); ROLE without its NUL. */
static void prove(const uint8_t *key, const char *role, const uint8_t *first, const uint8_t *second,
                  uint8_t *ret_proof)
{
    struct hmac_sha256_ctx context;

    hmac_sha256_set_key(&context, CR_AUTH_KEY, key);
    hmac_sha256_update(&context, strlen(role), (const uint8_t *)role);
    hmac_sha256_update(&context, NONCE_SIZE, first);
    hmac_sha256_update(&context, NONCE_SIZE, second);
    hmac_sha256_digest(&context, CR_AUTH_PROOF, ret_proof);
}

static int random_bytes(uint8_t *out, size_t size)
{
    ssize_t n = getrandom(out, size, 0);

    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

int cr_auth_greet(uint8_t ret_greeting[CR_AUTH_GREETING])
{
    memcpy(ret_greeting, MAGIC, MAGIC_SIZE);
    return random_bytes(ret_greeting + MAGIC_SIZE, NONCE_SIZE);
}

int cr_auth_answer(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                   uint8_t ret_answer[CR_AUTH_ANSWER])
{
    int rc;

    if (memcmp(greeting, MAGIC, MAGIC_SIZE) != 0)
        return -CR_EPROTOCOL;
    rc = random_bytes(ret_answer, NONCE_SIZE);
    if (rc < 0)
        return rc;
    prove(key, "client", greeting + MAGIC_SIZE, ret_answer, ret_answer + NONCE_SIZE);
    return 0;
}

int cr_auth_check(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                  const uint8_t answer[CR_AUTH_ANSWER])
{
    uint8_t proof[CR_AUTH_PROOF];

    prove(key, "client", greeting + MAGIC_SIZE, answer, proof);
    return cr_auth_equal(proof, answer + NONCE_SIZE);
}

void cr_auth_proof(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                   const uint8_t answer[CR_AUTH_ANSWER], uint8_t ret_proof[CR_AUTH_PROOF])
{
    prove(key, "server", answer, greeting + MAGIC_SIZE, ret_proof);
}

int cr_auth_equal(const uint8_t a[CR_AUTH_PROOF], const uint8_t b[CR_AUTH_PROOF])
{
    return memeql_sec(a, b, CR_AUTH_PROOF);
}
