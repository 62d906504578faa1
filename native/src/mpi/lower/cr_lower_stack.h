/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Enters the application: its stack, as the kernel would have made it, and the
 * jump. */
#ifndef CR_LOWER_STACK_H
#define CR_LOWER_STACK_H

#include "cr_error.h"
#include "cr_lower_elf.h"

/* A new program's first stack, ready to be jumped to. */
struct cr_lower_stack {
    uint64_t pointer;
};

/*
 * Maps a stack for the application (as large as RLIMIT_STACK says, a guard page below it) and lays
 * ARGV, ENVIRONMENT and an auxiliary vector on it: LINKER as the program, FAKE_VDSO (0: none) as
 * the vdso.
 */
int cr_lower_stack_make(char *const *argv, char *const *environment,
                        const struct cr_lower_elf *linker, uint64_t fake_vdso,
                        struct cr_lower_stack *ret_stack, struct cr_error *err);

/* Leaves this half for good: the thread goes on at ENTRY on STACK. */
_Noreturn void cr_lower_stack_enter(const struct cr_lower_stack *stack, uint64_t entry);

#endif
