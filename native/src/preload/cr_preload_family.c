/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Parents and children by the ids that the program knows. */
#include "cr_preload_pid.h"

#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORK_TRIES 64

CR_WRAPPER pid_t getppid(void)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id((pid_t)cr_sys(SYS_getppid), CR_ID_PROCESS));
}

/*
 * A child whose id would be mistaken for that of a process that came back ends before anyone has seen it, and another one is
 * made. One that the kernel does not know came back itself: this is the id of before the restart, by which it is known.
 */
CR_WRAPPER pid_t fork(void)
{
    for (int i = 0; i < FORK_TRIES; i++) {
        pid_t pid = CR_NEXT(fork)();
        long rc;

        if (pid == 0 && cr_preload_means_another((pid_t)cr_sys_getpid(), CR_ID_PROCESS))
            cr_sys(SYS_exit_group, 0);
        if (pid <= 0 || !cr_preload_means_another(pid, CR_ID_PROCESS))
            return pid;
        do
            rc = cr_sys(SYS_wait4, pid, 0, 0, 0);
        while (rc == -EINTR);
        if (rc == -ECHILD)
            return pid;
    }
    errno = EAGAIN;
    return -1;
}

/* The C library's waits are points where a thread can be cancelled. */
static long wait_cancellably(const struct cr_preload_call *call)
{
    long rc;
    int before;

    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    rc = cr_preload_call(call);
    pthread_setcanceltype(before, NULL);
    return rc;
}

CR_WRAPPER pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    const struct cr_preload_call call = {
        .number = SYS_wait4,
        .args = {(uint64_t)pid, (uint64_t)status, (uint64_t)options, (uint64_t)usage},
        .which = 1,
        .kernel = cr_preload_kernel_target,
        .answer = CR_ID_PROCESS,
    };

    return (pid_t)wait_cancellably(&call);
}

CR_WRAPPER pid_t waitpid(pid_t pid, int *status, int options)
{
    return wait4(pid, status, options, NULL);
}

CR_WRAPPER pid_t wait(int *status)
{
    return wait4(-1, status, 0, NULL);
}

CR_WRAPPER pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

CR_WRAPPER int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    siginfo_t unseen;
    const struct cr_preload_call call = {
        .number = SYS_waitid,
        .args = {type, id, (uint64_t)(info != NULL ? info : &unseen), (uint64_t)options},
        .which = type == P_PID || type == P_PGID ? 1U << 1 : 0,
        .kernel = type == P_PID ? cr_preload_kernel_process : cr_preload_kernel_group,
        .answer = CR_ID_PROCESS,
        .id = info != NULL ? &info->si_pid : &unseen.si_pid,
    };

    return (int)wait_cancellably(&call);
}
