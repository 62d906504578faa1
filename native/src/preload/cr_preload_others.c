/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Other processes by the ids that the program knows: signals, priorities, limits, their directories in /proc. */
#include "cr_preload_pid.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define THREAD_OR_PROCESS (CR_ID_THREAD | CR_ID_PROCESS)

CR_WRAPPER int pidfd_open(pid_t pid, unsigned int flags)
{
    const struct cr_preload_call call = {
        .number = SYS_pidfd_open,
        .args = {(uint64_t)pid, flags},
        .which = 1,
        .kernel = cr_preload_kernel_process,
    };

    return (int)cr_preload_call(&call);
}

static id_t kernel_who(int which, id_t who)
{
    if (which == PRIO_PROCESS)
        return (id_t)cr_preload_kernel_id((pid_t)who, THREAD_OR_PROCESS);
    return which == PRIO_PGRP ? (id_t)cr_preload_kernel_group((pid_t)who) : who;
}

CR_WRAPPER int getpriority(__priority_which_t which, id_t who)
{
    return CR_WITH_SAME_IDS(CR_NEXT(getpriority)(which, kernel_who((int)which, who)));
}

CR_WRAPPER int setpriority(__priority_which_t which, id_t who, int value)
{
    return CR_WITH_SAME_IDS(CR_NEXT(setpriority)(which, kernel_who((int)which, who), value));
}

CR_WRAPPER int prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *set,
                       struct rlimit *old)
{
    return CR_WITH_SAME_IDS(
        CR_NEXT(prlimit)(cr_preload_kernel_id(pid, CR_ID_PROCESS), resource, set, old));
}

CR_WRAPPER int sched_getscheduler(pid_t pid)
{
    return CR_WITH_SAME_IDS(
        CR_NEXT(sched_getscheduler)(cr_preload_kernel_id(pid, THREAD_OR_PROCESS)));
}

CR_WRAPPER int sched_setscheduler(pid_t pid, int policy, const struct sched_param *parameters)
{
    return CR_WITH_SAME_IDS(CR_NEXT(sched_setscheduler)(
        cr_preload_kernel_id(pid, THREAD_OR_PROCESS), policy, parameters));
}

CR_WRAPPER int sched_getparam(pid_t pid, struct sched_param *parameters)
{
    return CR_WITH_SAME_IDS(
        CR_NEXT(sched_getparam)(cr_preload_kernel_id(pid, THREAD_OR_PROCESS), parameters));
}

CR_WRAPPER int sched_setparam(pid_t pid, const struct sched_param *parameters)
{
    return CR_WITH_SAME_IDS(
        CR_NEXT(sched_setparam)(cr_preload_kernel_id(pid, THREAD_OR_PROCESS), parameters));
}

/* The id of a clock has that of its process in it, inverted, above three bits: the one that the program knows. */
CR_WRAPPER int clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
    int rc = CR_WITH_SAME_IDS(
        CR_NEXT(clock_getcpuclockid)(cr_preload_kernel_id(pid, CR_ID_PROCESS), clock));

    if (rc == 0 && pid != 0)
        *clock = (clockid_t)((uint32_t)~pid << 3) | (*clock & 7);
    return rc;
}

CR_WRAPPER ssize_t process_vm_readv(pid_t pid, const struct iovec *own, unsigned long own_count,
                                    const struct iovec *other, unsigned long other_count,
                                    unsigned long flags)
{
    return CR_WITH_SAME_IDS(CR_NEXT(process_vm_readv)(cr_preload_kernel_id(pid, THREAD_OR_PROCESS),
                                                      own, own_count, other, other_count, flags));
}

CR_WRAPPER ssize_t process_vm_writev(pid_t pid, const struct iovec *own, unsigned long own_count,
                                     const struct iovec *other, unsigned long other_count,
                                     unsigned long flags)
{
    return CR_WITH_SAME_IDS(CR_NEXT(process_vm_writev)(cr_preload_kernel_id(pid, THREAD_OR_PROCESS),
                                                       own, own_count, other, other_count, flags));
}
