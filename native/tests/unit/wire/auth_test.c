/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The proof of the key, from both ends. */
#include "cr_auth.h"
#include "cr_error.h"
#include "tap.h"

/* Both ends with fixed nonces, against values computed by another program (python3: hmac.new(key, ..., sha256)). */
static void test_known_values(void)
{
    static const uint8_t SERVER[] = {0xc2, 0xc7, 0x3b, 0x60, 0x90, 0x7d, 0xda, 0xe4};
    uint8_t key[CR_AUTH_KEY], greeting[CR_AUTH_GREETING], answer[CR_AUTH_ANSWER];
    uint8_t proof[CR_AUTH_PROOF];

    for (int i = 0; i < CR_AUTH_KEY; i++) {
        key[i] = (uint8_t)i;
        greeting[8 + i] = (uint8_t)(100 + i);
        answer[i] = (uint8_t)(200 + i);
    }
    cr_auth_proof(key, greeting, answer, proof);
    tap_ok(memcmp(proof, SERVER, sizeof(SERVER)) == 0, "the proof is what others compute too");
}

static void test_both_ends(void)
{
    uint8_t key[CR_AUTH_KEY] = {1, 2, 3}, other[CR_AUTH_KEY] = {1, 2, 4};
    uint8_t greeting[CR_AUTH_GREETING], second[CR_AUTH_GREETING];
    uint8_t answer[CR_AUTH_ANSWER];
    int wrong = 0;

    tap_ok(cr_auth_greet(greeting) == 0 && memcmp(greeting, "QSCEv1\0\0", 8) == 0, "a greeting");
    cr_auth_greet(second);
    tap_ok(memcmp(greeting, second, sizeof(second)) != 0, "each is different");
    tap_ok(cr_auth_answer(key, greeting, answer) == 0 && cr_auth_check(key, greeting, answer),
           "the right key opens");
    tap_ok(!cr_auth_check(other, greeting, answer), "another one does not");
    tap_ok(!cr_auth_check(key, second, answer), "nor the answer to another greeting");
    for (int i = 0; i < CR_AUTH_ANSWER; i++) {
        answer[i] ^= 1;
        wrong += !cr_auth_check(key, greeting, answer);
        answer[i] ^= 1;
    }
    tap_equal_u64(wrong, CR_AUTH_ANSWER, "nor an answer with one bit changed");
    greeting[0] = 'X';
    tap_equal_u64(cr_auth_answer(key, greeting, answer), -CR_EPROTOCOL,
                  "a stranger is not answered");
}

int main(void)
{
    test_known_values();
    test_both_ends();
    return tap_done();
}
