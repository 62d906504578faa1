/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Parents and children by the ids that the program knows. */
#include "cr_preload_pid.h"

#include "cr_sys.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORK_TRIES 64

CR_WRAPPER pid_t getppid(void)
{
    return cr_preload_known_id((pid_t)cr_sys(SYS_getppid), CR_ID_PROCESS);
}

/* Is the id of a new process one by which the program knows another process? */
static int means_another(pid_t kernel)
{
    return cr_freeze_kernel_id(kernel, CR_ID_PROCESS) != kernel &&
           cr_freeze_known_id(kernel, CR_ID_PROCESS) == kernel;
}

/*
 * A child whose id would be mistaken for that of a process that came back ends before anyone has seen it, and another one is
 * made.
 */
CR_WRAPPER pid_t fork(void)
{
    for (int i = 0; i < FORK_TRIES; i++) {
        pid_t pid = CR_NEXT(fork)();

        if (pid == 0 && means_another((pid_t)cr_sys_getpid()))
            cr_sys(SYS_exit_group, 0);
        if (pid <= 0 || !means_another(pid))
            return pid;
        while (cr_sys(SYS_wait4, pid, 0, 0, 0) == -EINTR)
            ;
    }
    errno = EAGAIN;
    return -1;
}

CR_WRAPPER pid_t waitpid(pid_t pid, int *status, int options)
{
    pid_t ended = CR_NEXT(waitpid)(cr_preload_kernel_target(pid), status, options);

    return cr_preload_known_id(ended, CR_ID_PROCESS);
}

CR_WRAPPER pid_t wait(int *status)
{
    return cr_preload_known_id(CR_NEXT(wait)(status), CR_ID_PROCESS);
}

CR_WRAPPER pid_t wait3(int *status, int options, struct rusage *usage)
{
    return cr_preload_known_id(CR_NEXT(wait3)(status, options, usage), CR_ID_PROCESS);
}

CR_WRAPPER pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    pid_t ended = CR_NEXT(wait4)(cr_preload_kernel_target(pid), status, options, usage);

    return cr_preload_known_id(ended, CR_ID_PROCESS);
}

CR_WRAPPER int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int rc;

    if (type == P_PID || type == P_PGID)
        id = (id_t)cr_preload_kernel_id((pid_t)id, type == P_PID ? CR_ID_PROCESS : CR_ID_GROUP);
    rc = CR_NEXT(waitid)(type, id, info, options);
    if (rc == 0 && info != NULL)
        info->si_pid = cr_preload_known_id(info->si_pid, CR_ID_PROCESS);
    return rc;
}
