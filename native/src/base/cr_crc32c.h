/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. CRC-32C (Castagnoli; RFC 3720 appendix B.4), as it guards notes and frames. */
#ifndef CR_CRC32C_H
#define CR_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of SIZE bytes, continuing from CRC (0 to begin). cr_crc32c(0, "123456789", 9) is 0xe3069283. */
uint32_t cr_crc32c(uint32_t crc, const void *data, size_t size);

/* The same without the CPU's instruction: what CPUs without it run, and what a test compares. */
uint32_t cr_crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
