/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Finishing an interrupted system call inside the stop handler: the kernel keeps
 * the deadline of an interrupted nanosleep, poll or futex wait until the handler returns
 * (restart_block), and restart_syscall goes on with it.
 */
#ifndef CR_CONTINUE_H
#define CR_CONTINUE_H

#include "cr_thread.h"

#include <stdint.h>

struct cr_continue {
    struct cr_context again;  /* 0: where to go when another stop interrupts the call */
    int64_t number;           /* 64: the system call; assembler uses the offsets of these two */
    uint64_t args[4];         /* 72 */
    struct cr_thread *thread; /* set by the stop that interrupts */
};

/*
 * Sets the thread's signal mask to *MASK, makes the call and returns the kernel's answer. The mask
 * stays.
 */
long cr_continue_call(struct cr_continue *c, const uint64_t *mask);

/* Between these addresses a stop shall not return but jump to AGAIN of the structure in rbx. */
extern const char cr_continue_begin[];
extern const char cr_continue_end[];

#endif
