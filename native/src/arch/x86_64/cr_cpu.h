/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What this CPU offers to programs, and whether another one offers as much. */
#ifndef CR_CPU_H
#define CR_CPU_H

#include <stddef.h>
#include <stdint.h>

/* Leaves (with subleaf) that are recorded, four words each: 1, 7.0, 7.1, 0xd.1, 0x80000001. */
#define CR_CPU_LEAVES 5
#define CR_CPU_WORDS (CR_CPU_LEAVES * 4)

struct cr_cpu {
    uint64_t xcr0;
    uint32_t xsave_size; /* of the standard format with the features of xcr0 */
    uint32_t words[CR_CPU_WORDS];
};

void cr_cpu_read(struct cr_cpu *ret_cpu);

/*
 * The name of the first feature that NEEDED has and HAVE lacks, among those that a program can use
 * without asking the kernel; NULL if there is none.
 */
const char *cr_cpu_lacks(const struct cr_cpu *have, const struct cr_cpu *needed);

#endif
