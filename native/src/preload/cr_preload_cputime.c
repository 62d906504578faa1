/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Clocks of CPU time that a restart does not set back. */
#include "cr_preload.h"
#include "cr_state_cputime.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define SECOND_US 1000000LL

/* Ids of clocks of CPU time are negative: the inverted id of a process or, with this bit, of a thread. */
#define OF_THREAD 4

static void add_ns(struct timespec *t, int64_t ns)
{
    ns += t->tv_sec * SECOND_NS + t->tv_nsec;
    *t = (struct timespec){ns / SECOND_NS, ns % SECOND_NS};
}

static void add_us(struct timeval *t, int64_t us)
{
    us += t->tv_sec * SECOND_US + t->tv_usec;
    *t = (struct timeval){us / SECOND_US, us % SECOND_US};
}

/* The clock of some thread or process by its id, which may be another one by now. */
static int owned_clock(clockid_t clock, struct timespec *out)
{
    pid_t known = ~(clock >> 3);
    pid_t kernel = known != 0 ? cr_freeze_kernel_tid(known) : 0;
    clockid_t now = (clockid_t)((uint32_t)~kernel << 3) | (clock & 7);
    int rc = CR_NEXT(clock_gettime)(now, out);

    if (rc != 0)
        return rc;
    if ((clock & OF_THREAD) != 0 && (kernel == 0 || kernel == cr_sys_gettid()))
        add_ns(out, cr_cputime_of_thread.total_ns);
    if ((clock & OF_THREAD) == 0 && (kernel == 0 || kernel == cr_sys_getpid()))
        add_ns(out, cr_cputime_of_process.total_ns);
    return 0;
}

static int own_clock(clockid_t clock, struct timespec *out)
{
    int rc = CR_NEXT(clock_gettime)(clock, out);

    if (rc == 0)
        add_ns(out, clock == CLOCK_PROCESS_CPUTIME_ID ? cr_cputime_of_process.total_ns
                                                      : cr_cputime_of_thread.total_ns);
    return rc;
}

CR_WRAPPER int clock_gettime(clockid_t clock, struct timespec *out)
{
    uint32_t restarts;
    int rc;

    if (__builtin_expect(
            clock >= 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID, 1))
        return CR_NEXT(clock_gettime)(clock, out);
    do {
        restarts = cr_cputime_restarts;
        rc = clock < 0 ? owned_clock(clock, out) : own_clock(clock, out);
    } while (restarts != cr_cputime_restarts);
    return rc;
}

CR_WRAPPER clock_t clock(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        return -1;
    return t.tv_sec * CLOCKS_PER_SEC + t.tv_nsec / (SECOND_NS / CLOCKS_PER_SEC);
}

CR_WRAPPER int getrusage(__rusage_who_t who, struct rusage *usage)
{
    const struct cr_cputime *before =
        (int)who == RUSAGE_THREAD ? &cr_cputime_of_thread : &cr_cputime_of_process;
    uint32_t restarts;
    int rc;

    do {
        restarts = cr_cputime_restarts;
        rc = CR_NEXT(getrusage)(who, usage);
        if (rc == 0 && ((int)who == RUSAGE_THREAD || (int)who == RUSAGE_SELF)) {
            add_us(&usage->ru_utime, before->user_us);
            add_us(&usage->ru_stime, before->system_us);
        }
    } while (restarts != cr_cputime_restarts);
    return rc;
}

CR_WRAPPER clock_t times(struct tms *buffer)
{
    int64_t tick_us = SECOND_US / sysconf(_SC_CLK_TCK);
    uint32_t restarts;
    clock_t now;

    do {
        restarts = cr_cputime_restarts;
        now = CR_NEXT(times)(buffer);
        if (buffer != NULL) {
            buffer->tms_utime += cr_cputime_of_process.user_us / tick_us;
            buffer->tms_stime += cr_cputime_of_process.system_us / tick_us;
        }
    } while (restarts != cr_cputime_restarts);
    return now;
}
