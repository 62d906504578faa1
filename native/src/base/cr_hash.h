/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. XXH3, which identifies content: equal on every machine, without secret and with seed 0. */
#ifndef CR_HASH_H
#define CR_HASH_H

#include <stddef.h>
#include <stdint.h>

struct cr_hash128 {
    uint64_t low;
    uint64_t high;
};

/* State of a hash that is fed in pieces; about 600 bytes, to be kept on the stack or in an arena. */
struct cr_hash_stream {
    uint8_t opaque[576] __attribute__((aligned(64)));
};

/* XXH3-64 and XXH3-128 of SIZE bytes. */
uint64_t cr_hash64(const void *data, size_t size);
struct cr_hash128 cr_hash128(const void *data, size_t size);

/* XXH3-128 in pieces: begin, add as often as you like, end. */
void cr_hash_begin(struct cr_hash_stream *stream);
void cr_hash_add(struct cr_hash_stream *stream, const void *data, size_t size);
struct cr_hash128 cr_hash_end(const struct cr_hash_stream *stream);

#endif
