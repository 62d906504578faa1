/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. How both ends of a TCP connection prove that they know the job's key before anything else is read:
 *     crnode -> client   magic "QSCEv1", two NULs, Ns (32 random bytes)
 *     client -> crnode   Nc (32 random bytes), HMAC-SHA256(key, "client" Ns Nc)
 *     crnode -> client   HMAC-SHA256(key, "server" Nc Ns)
 * Not in libcr.so: it would make every program depend on libnettle.
 */
#ifndef CR_AUTH_H
#define CR_AUTH_H

#include <stdint.h>

#define CR_AUTH_KEY 32
#define CR_AUTH_GREETING 40 /* what crnode says first */
#define CR_AUTH_ANSWER 64
#define CR_AUTH_PROOF 32

/* crnode's first words. Returns 0, or -errno when the kernel gives no random bytes. */
int cr_auth_greet(uint8_t ret_greeting[CR_AUTH_GREETING]);

/* The client's answer to GREETING. Returns 0, -CR_EPROTOCOL (not the greeting of a crnode) or -errno. */
int cr_auth_answer(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                   uint8_t ret_answer[CR_AUTH_ANSWER]);

/* Whether ANSWER proves the key; takes the same time for every wrong answer. */
int cr_auth_check(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                  const uint8_t answer[CR_AUTH_ANSWER]);

/* crnode's own proof, which the client compares (cr_auth_equal) with what it has received. */
void cr_auth_proof(const uint8_t key[CR_AUTH_KEY], const uint8_t greeting[CR_AUTH_GREETING],
                   const uint8_t answer[CR_AUTH_ANSWER], uint8_t ret_proof[CR_AUTH_PROOF]);

/* Compares two proofs in constant time. */
int cr_auth_equal(const uint8_t a[CR_AUTH_PROOF], const uint8_t b[CR_AUTH_PROOF]);

#endif
