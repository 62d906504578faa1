/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Gives an agent to a process that was not started under cr_run: one of its threads, which waits in a
 * system call, is stopped by ptrace, calls dlopen() with our library, and goes on with its system call as if nothing
 * had happened. The other threads run meanwhile: one of them may hold a lock that dlopen() needs. The library stays.
 */
#ifndef CR_ATTACH_H
#define CR_ATTACH_H

#include "cr_error.h"

#include <sys/types.h>

/*
 * LIBRARY: absolute path, which the process must see as well. Returns 0 when the agent can be woken; else a negative
 * code with the cause and the remedy in ERR, and the process is as it was: -CR_ENOAGENT (no dynamic linker, its locks
 * were held all the time, ...), -CR_EPTRACED, -EPERM, -ESRCH, -EAGAIN (it is in the middle of an exec).
 */
int cr_attach(pid_t pid, const char *library, struct cr_error *err);

#endif
