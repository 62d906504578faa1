/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_crc32c.h"

#include "cr_machine.h"

#define REVERSED_POLYNOMIAL 0x82f63b78U

static uint32_t next_nibble(uint32_t crc)
{
    for (int bit = 0; bit < 4; bit++)
        crc = (crc >> 1) ^ (crc & 1 ? REVERSED_POLYNOMIAL : 0);
    return crc;
}

static uint32_t by_bits(uint32_t crc, const uint8_t *at, size_t size)
{
    while (size-- > 0) {
        crc ^= *at++;
        crc = next_nibble(next_nibble(crc));
    }
    return crc;
}

uint32_t cr_crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    return ~by_bits(~crc, data, size);
}

uint32_t cr_crc32c(uint32_t crc, const void *data, size_t size)
{
    /* Two threads may ask cpuid at the same time; both store the same answer. */
    static volatile int have_instruction = -1;

    if (have_instruction < 0)
        have_instruction = cr_machine_has_crc32c();
    if (have_instruction)
        return ~cr_machine_crc32c(~crc, data, size);
    return cr_crc32c_portable(crc, data, size);
}
