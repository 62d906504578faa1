/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Maps ELF files as the kernel would: the application's dynamic linker and the
 * fake vdso. */
#ifndef CR_LOWER_ELF_H
#define CR_LOWER_ELF_H

#include "cr_error.h"

#include <stdint.h>

struct cr_lower_elf {
    uint64_t start, end; /* of everything mapped */
    uint64_t base;       /* what is added to the file's addresses */
    uint64_t entry;
    uint64_t headers; /* address of the program headers */
    unsigned header_count, header_size;
};

/* Maps the position-independent file PATH where the kernel likes; the mappings are the
 * application's. */
int cr_lower_elf_load(const char *path, struct cr_lower_elf *ret_elf, struct cr_error *err);

/* Address of the dynamic symbol NAME in a loaded image without relocations (a vdso) at BASE; 0 if
 * it has none. */
uint64_t cr_lower_elf_symbol(uint64_t base, const char *name);

#endif
