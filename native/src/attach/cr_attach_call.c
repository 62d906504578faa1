/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A stopped thread calls a function (x86-64). */
#include "cr_attach_parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL_TIMEOUT_STEPS 300000 /* a minute */
#define DIRECTION_FLAG 0x400UL
#define NO_SYSTEM_CALL (~0ULL)

/* Until the thread comes to the trap; ours is the only signal that it takes. 0 or -errno. */
static int await_trap(struct cr_attach_thread *t)
{
    const struct timespec step = {0, 200000};

    for (int waited = 0; waited < CALL_TIMEOUT_STEPS;) {
        int status;
        pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);

        if (got < 0)
            return -errno;
        if (got == 0) {
            nanosleep(&step, NULL);
            waited++;
            continue;
        }
        if (!WIFSTOPPED(status))
            return -ESRCH;
        if (WSTOPSIG(status) == SIGTRAP && status >> 16 == 0)
            return 0;
        if (WSTOPSIG(status) == SIGSTOP)
            t->stop = 1;
        else if (status >> 16 == 0)
            return -EFAULT; /* a fault of its own */
        ptrace(PTRACE_CONT, t->tid, 0, 0);
    }
    return -ETIMEDOUT;
}

int cr_attach_call(struct cr_attach_thread *t, const struct cr_attach_places *p, uint64_t function,
                   const uint64_t arguments[6], uint64_t stack, uint64_t *ret_result)
{
    struct user_regs_struct r = t->registers;
    int rc;

    /* The stack as behind a call instruction: the return address, below it 16 bytes aligned. */
    r.rsp = (stack & ~15UL) - 8;
    if (pwrite(t->memory, &p->trap, sizeof(p->trap), (off_t)r.rsp) != (ssize_t)sizeof(p->trap))
        return -EFAULT;
    r.rip = function;
    r.rdi = arguments[0];
    r.rsi = arguments[1];
    r.rdx = arguments[2];
    r.rcx = arguments[3];
    r.r8 = arguments[4];
    r.r9 = arguments[5];
    r.rax = 0;
    r.orig_rax = NO_SYSTEM_CALL;
    r.eflags &= ~DIRECTION_FLAG;
    if (ptrace(PTRACE_SETREGS, t->tid, 0, &r) < 0 || ptrace(PTRACE_CONT, t->tid, 0, 0) < 0)
        return -errno;
    rc = await_trap(t);
    if (rc < 0)
        return rc;
    if (ptrace(PTRACE_GETREGS, t->tid, 0, &r) < 0)
        return -errno;
    if (r.rip != p->trap + 1)
        return -EFAULT;
    *ret_result = r.rax;
    return 0;
}
