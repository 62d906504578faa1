/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Threads by their handles after a restart that could not have the old ids. The C library takes the id from
 * the thread's control block, and there the old one stays, since mutexes know their owners by it.
 */
#include "cr_fmt.h"
#include "cr_preload_pid.h"
#include "cr_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TID_SEARCH_END 0x400 /* the control block holds its thread's tid somewhere before this */
#define NAME_SIZE 16
#define SIGNAL_CANCEL                                                                              \
    32 /* of the C library: what it cancels threads by, and changes their user by */
#define SIGNAL_SETXID 33

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

/* The id of THREAD in its control block. */
static int known_tid(pthread_t thread)
{
    size_t offset = tid_offset();

    return offset != 0 ? *(const volatile int *)((const char *)thread + offset) : 0;
}

/* The kernel's id of THREAD if it differs from the one in the control block; else 0. */
static int other_tid(pthread_t thread)
{
    const struct cr_freeze_id *ids;
    int known = cr_freeze_ids(&ids) != 0 ? known_tid(thread) : 0;
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

CR_WRAPPER int pthread_sigqueue(pthread_t thread, int number, const union sigval value)
{
    int tid = other_tid(thread);
    siginfo_t info;

    if (tid == 0)
        return CR_NEXT(pthread_sigqueue)(thread, number, value);
    if (number == SIGNAL_CANCEL || number == SIGNAL_SETXID)
        return EINVAL;
    memset(&info, 0, sizeof(info));
    info.si_signo = number;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value = value;
    return (int)-cr_sys(SYS_rt_tgsigqueueinfo, cr_sys_getpid(), tid, number, &info);
}

static int set_cpus(pthread_t thread, size_t size, const cpu_set_t *set)
{
    int tid = other_tid(thread);

    if (tid == 0)
        return CR_NEXT(pthread_setaffinity_np)(thread, size, set);
    return (int)-cr_sys(SYS_sched_setaffinity, tid, size, set);
}

CR_WRAPPER int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    return CR_WITH_SAME_IDS(set_cpus(thread, size, set));
}

static int get_cpus(pthread_t thread, size_t size, cpu_set_t *set)
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

CR_WRAPPER int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    return CR_WITH_SAME_IDS(get_cpus(thread, size, set));
}

static int get_scheduling(pthread_t thread, int *policy, struct sched_param *parameters)
{
    int tid = other_tid(thread);
    long rc;

    if (tid == 0)
        return CR_NEXT(pthread_getschedparam)(thread, policy, parameters);
    rc = cr_sys(SYS_sched_getparam, tid, parameters);
    if (rc == 0)
        rc = cr_sys(SYS_sched_getscheduler, tid);
    if (rc < 0)
        return (int)-rc;
    *policy = (int)rc;
    return 0;
}

CR_WRAPPER int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *parameters)
{
    return CR_WITH_SAME_IDS(get_scheduling(thread, policy, parameters));
}

static int set_scheduling(pthread_t thread, int policy, const struct sched_param *parameters)
{
    int tid = other_tid(thread);

    if (tid == 0)
        return CR_NEXT(pthread_setschedparam)(thread, policy, parameters);
    return (int)-cr_sys(SYS_sched_setscheduler, tid, policy, parameters);
}

CR_WRAPPER int pthread_setschedparam(pthread_t thread, int policy,
                                     const struct sched_param *parameters)
{
    return CR_WITH_SAME_IDS(set_scheduling(thread, policy, parameters));
}

static int set_priority(pthread_t thread, int priority)
{
    struct sched_param parameters = {.sched_priority = priority};
    int tid = other_tid(thread);

    if (tid == 0)
        return CR_NEXT(pthread_setschedprio)(thread, priority);
    return (int)-cr_sys(SYS_sched_setparam, tid, &parameters);
}

CR_WRAPPER int pthread_setschedprio(pthread_t thread, int priority)
{
    return CR_WITH_SAME_IDS(set_priority(thread, priority));
}

static int open_name(int tid, int flags)
{
    char path[64];

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/comm", tid);
    return (int)cr_sys_open(path, flags | O_CLOEXEC, 0);
}

static int get_name(pthread_t thread, char *name, size_t size)
{
    int tid = other_tid(thread);
    long n;
    int fd;

    if (tid == 0)
        return CR_NEXT(pthread_getname_np)(thread, name, size);
    if (size < NAME_SIZE)
        return ERANGE;
    fd = open_name(tid, O_RDONLY);
    if (fd < 0)
        return -fd;
    n = cr_sys(SYS_read, fd, name, NAME_SIZE);
    cr_sys_close(fd);
    if (n <= 0)
        return n < 0 ? (int)-n : EIO;
    name[name[n - 1] == '\n' || n == NAME_SIZE ? n - 1 : n] = '\0';
    return 0;
}

CR_WRAPPER int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
    return CR_WITH_SAME_IDS(get_name(thread, name, size));
}

static int set_name(pthread_t thread, const char *name)
{
    int tid = other_tid(thread);
    size_t length = strlen(name);
    long n;
    int fd;

    if (tid == 0)
        return CR_NEXT(pthread_setname_np)(thread, name);
    if (length >= NAME_SIZE)
        return ERANGE;
    fd = open_name(tid, O_WRONLY);
    if (fd < 0)
        return -fd;
    n = cr_sys(SYS_write, fd, name, length);
    cr_sys_close(fd);
    return n < 0 ? (int)-n : 0;
}

CR_WRAPPER int pthread_setname_np(pthread_t thread, const char *name)
{
    return CR_WITH_SAME_IDS(set_name(thread, name));
}

/* All that the C library had filled in when it did not find the thread's CPUs, which come last. */
static void take_over(pthread_attr_t *attributes)
{
    pthread_attr_t old = *attributes;
    struct sched_param parameters;
    size_t size = 0;
    size_t guard = 0;
    void *stack = NULL;
    int detached = 0;
    int inherits = 0;
    int policy = 0;
    int scope = 0;

    pthread_attr_init(attributes);
    pthread_attr_getstack(&old, &stack, &size);
    pthread_attr_setstack(attributes, stack, size);
    pthread_attr_getguardsize(&old, &guard);
    pthread_attr_setguardsize(attributes, guard);
    pthread_attr_getdetachstate(&old, &detached);
    pthread_attr_setdetachstate(attributes, detached);
    pthread_attr_getschedpolicy(&old, &policy);
    pthread_attr_setschedpolicy(attributes, policy);
    pthread_attr_getschedparam(&old, &parameters);
    pthread_attr_setschedparam(attributes, &parameters);
    pthread_attr_getinheritsched(&old, &inherits);
    pthread_attr_setinheritsched(attributes, inherits);
    pthread_attr_getscope(&old, &scope);
    pthread_attr_setscope(attributes, scope);
}

CR_WRAPPER int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
    int rc = CR_NEXT(pthread_getattr_np)(thread, attributes);
    int tid = other_tid(thread);
    cpu_set_t cpus;
    long n;

    if (tid == 0 || (rc != 0 && rc != ESRCH))
        return rc;
    if (rc == ESRCH)
        take_over(attributes);
    n = cr_sys(SYS_sched_getaffinity, tid, sizeof(cpus), &cpus);
    return n < 0 ? (int)-n : pthread_attr_setaffinity_np(attributes, (size_t)n, &cpus);
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* The C library catches its signal from the first cancellation on, also one that the caller of the program ignored. */
static void make_cancellable(void)
{
    uint64_t action[4] = {0}; /* the kernel's: the handler is the first */
    pthread_t thread;

    cr_sys(SYS_rt_sigaction, SIGNAL_CANCEL, NULL, action, 8);
    if (action[0] > (uint64_t)SIG_IGN ||
        CR_NEXT(pthread_create)(&thread, NULL, wait_for_ever, NULL) != 0)
        return;
    CR_NEXT(pthread_cancel)(thread);
    pthread_join(thread, NULL);
}

/* The C library notes the cancellation; where it also has to wake the thread it does not find it, or another of ours. */
CR_WRAPPER int pthread_cancel(pthread_t thread)
{
    int tid = other_tid(thread);
    int rc = ESRCH;

    if (tid != 0 && cr_sys(SYS_tgkill, cr_sys_getpid(), known_tid(thread), 0) == 0)
        make_cancellable();
    else
        rc = CR_NEXT(pthread_cancel)(thread);
    if (tid == 0 || rc != ESRCH)
        return rc;
    return (int)-cr_sys(SYS_tgkill, cr_sys_getpid(), tid, SIGNAL_CANCEL);
}
