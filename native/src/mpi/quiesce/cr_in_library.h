/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal (init) and frozen (look). A drain calls the application's operations, for reductions under way, with the
 * main thread's thread-local storage. So while there may be such a call, no thread must be stopped in the middle of a
 * function of the C library, which may hold a lock or change the thread's part of the heap.
 */
#ifndef CR_IN_LIBRARY_H
#define CR_IN_LIBRARY_H

#include <ucontext.h>

/* Finds the C library and the loader. */
void cr_in_library_init(void);

/* CONTEXT lies in one of them, other than in a system call that waits. In the stop signal's handler. */
int cr_in_library_look(const ucontext_t *context);

#endif
