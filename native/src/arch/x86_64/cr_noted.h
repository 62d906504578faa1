/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A system call whose result must be known to who looks at a stopped thread: it is in memory as soon as
 * the call is done, whenever the thread is stopped.
 */
#ifndef CR_NOTED_H
#define CR_NOTED_H

/* Makes the call with four arguments and stores the kernel's answer in *RESULT before it returns it. */
long cr_noted_call(long number, long a, const void *b, long c, const void *d,
                   volatile long *result);

/* The instruction that stores; a stop handler does its work if the thread was stopped there. */
extern const char cr_noted_done[];

#endif
