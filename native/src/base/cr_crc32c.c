/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_crc32c.h"

#define REVERSED_POLYNOMIAL 0x82f63b78U

static uint32_t next_nibble(uint32_t crc)
{
    for (int bit = 0; bit < 4; bit++)
        crc = (crc >> 1) ^ (crc & 1 ? REVERSED_POLYNOMIAL : 0);
    return crc;
}

uint32_t cr_crc32c(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;

    crc = ~crc;
    while (size-- > 0) {
        crc ^= *at++;
        crc = next_nibble(next_nibble(crc));
    }
    return ~crc;
}
