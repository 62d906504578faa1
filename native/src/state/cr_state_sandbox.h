/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What restricts the system calls of threads. A thread that has installed a filter may be killed by the
 * first call of our stop handler, so this is looked at before any thread is stopped. Filters that were there when the
 * program began are its starter's: a restart has those of its own starter, which must not be fewer.
 */
#ifndef CR_STATE_SANDBOX_H
#define CR_STATE_SANDBOX_H

#include "cr_error.h"

/* When the library is loaded: what is inherited. */
void cr_sandbox_begin(void);

/* -CR_EREFUSED with the thread if one has restricted itself. By the agent, while all threads run. */
int cr_sandbox_check(struct cr_error *err);

/* In the restored process: -CR_EPERMISSION if the restarter is restricted less than the program was. */
int cr_sandbox_put_back(struct cr_error *err);

/* A thread has switched PR_SET_SYSCALL_USER_DISPATCH on (1) or off (0); the kernel does not show it. */
void cr_sandbox_dispatch(int on);

#endif
