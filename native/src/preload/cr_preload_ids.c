/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Process and thread ids after a restart that could not have the old ones: the
 * application keeps the ids that it knows, and the kernel gets its own.
 */
#include "cr_preload_pid.h"
#include "cr_sys.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

CR_WRAPPER pid_t getpid(void)
{
    return CR_WITH_SAME_IDS(cr_freeze_known_tid(cr_sys_getpid()));
}

CR_WRAPPER pid_t gettid(void)
{
    return CR_WITH_SAME_IDS(cr_freeze_known_tid(cr_sys_gettid()));
}

CR_WRAPPER int kill(pid_t pid, int number)
{
    const struct cr_preload_call call = {
        .number = SYS_kill,
        .args = {(uint64_t)pid, (uint64_t)number},
        .which = 1,
        .kernel = cr_preload_kernel_target,
    };

    return (int)cr_preload_call(&call);
}

CR_WRAPPER int killpg(pid_t group, int number)
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill(-group, number);
}

CR_WRAPPER int sigqueue(pid_t pid, int number, const union sigval value)
{
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
    const struct cr_preload_call call = {
        .number = SYS_rt_sigqueueinfo,
        .args = {(uint64_t)pid, (uint64_t)number, (uint64_t)&info},
        .which = 1,
        .kernel = cr_preload_kernel_process,
    };

    info.si_pid = cr_sys_getpid();
    info.si_uid = getuid();
    info.si_value = value;
    return (int)cr_preload_call(&call);
}

CR_WRAPPER int tgkill(pid_t pid, pid_t tid, int number)
{
    const struct cr_preload_call call = {
        .number = SYS_tgkill,
        .args = {(uint64_t)pid, (uint64_t)tid, (uint64_t)number},
        .which = 3,
        .kernel = cr_freeze_kernel_tid,
    };

    return (int)cr_preload_call(&call);
}

CR_WRAPPER int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
    return CR_WITH_SAME_IDS(CR_NEXT(sched_setaffinity)(cr_freeze_kernel_tid(tid), size, set));
}

CR_WRAPPER int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set)
{
    return CR_WITH_SAME_IDS(CR_NEXT(sched_getaffinity)(cr_freeze_kernel_tid(tid), size, set));
}
