/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot be made smaller. */
#ifndef FILL_H
#define FILL_H

#include <stddef.h>
#include <stdint.h>

/* Fills WORDS with random numbers (xorshift64), the same ones each time. */
static inline void fill(uint64_t *words, size_t count)
{
    uint64_t x = 88172645463325252ULL;

    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        words[i] = x;
    }
}

#endif
