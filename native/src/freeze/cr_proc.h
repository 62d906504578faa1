/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What /proc says about the threads of this process. */
#ifndef CR_PROC_H
#define CR_PROC_H

#include "cr_thread.h"

/*
 * Calls EACH(tid, argument) for every thread of this process until it returns non-zero. Returns
 * that, 0, or -errno.
 */
int cr_proc_each_thread(int (*each)(int tid, void *argument), void *argument);

/* The system call in which thread TID is now. */
void cr_proc_read_call(int tid, struct cr_call *ret_call);

/* The letter of its state (R, S, D, Z, T, ...), or 0 if it is gone. */
char cr_proc_thread_state(int tid);

#endif
