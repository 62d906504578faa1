/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What identifies a mapped file. */
#ifndef CR_STATE_MAPPED_H
#define CR_STATE_MAPPED_H

#include <stddef.h>
#include <stdint.h>

/*
 * The GNU build-id of the ELF file that begins at offset ADDRESS of FD: an ELF file and 0, or /proc/self/mem and the
 * address at which its first page is mapped. Returns its length, at most SIZE; 0: it has none.
 */
size_t cr_mapped_build_id(int fd, uint64_t address, uint8_t *out, size_t size);

#endif
