/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Process and thread ids after a restart that could not have the old ones: the
 * application keeps the ids that it knows, and the kernel gets its own.
 */
#include "cr_preload_pid.h"
#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define TID_SEARCH_END 0x400 /* the control block holds its thread's tid somewhere before this */

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

/*
 * Where a control block keeps the tid: found in the caller's own, whose tid is known. 0: not found.
 */
static size_t tid_offset(void)
{
    static size_t offset;
    const char *self = (const char *)pthread_self();
    int tid = gettid();

    for (size_t i = 0x100; offset == 0 && i < TID_SEARCH_END; i += sizeof(int))
        if (*(const int *)(self + i) == tid)
            offset = i;
    return offset;
}

/* The kernel's id of THREAD if it differs from the one in the control block; else 0. */
static int other_tid(pthread_t thread)
{
    size_t offset = tid_offset();
    int known = offset != 0 ? *(const volatile int *)((const char *)thread + offset) : 0;
    int kernel = known > 0 ? cr_freeze_kernel_tid(known) : known;

    return kernel != known ? kernel : 0;
}

CR_WRAPPER int pthread_kill(pthread_t thread, int number)
{
    int tid = other_tid(thread);

    if (tid == 0)
        return CR_NEXT(pthread_kill)(thread, number);
    return tgkill(getpid(), cr_freeze_known_tid(tid), number) == 0 ? 0 : errno;
}

CR_WRAPPER int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    int tid = other_tid(thread);

    if (tid == 0)
        return CR_NEXT(pthread_setaffinity_np)(thread, size, set);
    return (int)-cr_sys(SYS_sched_setaffinity, tid, size, set);
}

CR_WRAPPER int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    int tid = other_tid(thread);
    long n;

    if (tid == 0)
        return CR_NEXT(pthread_getaffinity_np)(thread, size, set);
    n = cr_sys(SYS_sched_getaffinity, tid, size, set);
    for (size_t i = n > 0 ? (size_t)n : size; i < size; i++)
        ((char *)set)[i] = 0;
    return n < 0 ? (int)-n : 0;
}
