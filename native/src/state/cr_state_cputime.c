/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_cputime.h"

#include "cr_sys.h"

#include <sys/resource.h>

struct cr_cputime cr_cputime_of_process;
__thread struct cr_cputime cr_cputime_of_thread __attribute__((tls_model("initial-exec")));
volatile uint32_t cr_cputime_restarts;

/* In our memory, which comes back. */
static struct cr_cputime saved;

static int64_t to_us(const struct timeval *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void read_now(int clock, int who, struct cr_cputime *out)
{
    struct rusage usage = {0};

    cr_sys(SYS_getrusage, who, &usage);
    out->total_ns = cr_sys_clock_ns(clock);
    out->user_us = to_us(&usage.ru_utime);
    out->system_us = to_us(&usage.ru_stime);
}

static void add(struct cr_cputime *to, const struct cr_cputime *what, int sign)
{
    to->total_ns += sign * what->total_ns;
    to->user_us += sign * what->user_us;
    to->system_us += sign * what->system_us;
}

void cr_cputime_save_thread(struct cr_cputime *t)
{
    read_now(CLOCK_THREAD_CPUTIME_ID, RUSAGE_THREAD, t);
    add(t, &cr_cputime_of_thread, 1);
}

void cr_cputime_restore_thread(const struct cr_cputime *t)
{
    struct cr_cputime now;

    read_now(CLOCK_THREAD_CPUTIME_ID, RUSAGE_THREAD, &now);
    cr_cputime_of_thread = *t;
    add(&cr_cputime_of_thread, &now, -1);
}

int cr_cputime_collect(struct cr_state *state, struct cr_error *err)
{
    (void)state;
    (void)err;
    read_now(CLOCK_PROCESS_CPUTIME_ID, RUSAGE_SELF, &saved);
    add(&saved, &cr_cputime_of_process, 1);
    return 0;
}

int cr_cputime_put_back(struct cr_state *state, struct cr_error *err)
{
    struct cr_cputime now;

    (void)state;
    (void)err;
    read_now(CLOCK_PROCESS_CPUTIME_ID, RUSAGE_SELF, &now);
    cr_cputime_of_process = saved;
    add(&cr_cputime_of_process, &now, -1);
    cr_cputime_restarts++;
    return 0;
}

void cr_cputime_forked(void)
{
    cr_cputime_of_process = (struct cr_cputime){0};
    cr_cputime_of_thread = (struct cr_cputime){0};
}
