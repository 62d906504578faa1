/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Timers go on with the time that was left, under the same ids. */
#include "state_support.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t left_ns(int id)
{
    struct itimerspec left = {0};

    if (syscall(SYS_timer_gettime, id, &left) != 0)
        return -1;
    return left.it_value.tv_sec * 1000000000 + left.it_value.tv_nsec;
}

static int make_timer(int clock, int signal, void *value)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    int id = -1;

    event.sigev_value.sival_ptr = value;
    return syscall(SYS_timer_create, clock, &event, &id) == 0 ? id : -1;
}

static void arm(int id, int seconds, int interval)
{
    struct itimerspec times = {.it_value.tv_sec = seconds, .it_interval.tv_sec = interval};

    syscall(SYS_timer_settime, id, 0, &times, NULL);
}

static void test_interval_timers(void)
{
    struct itimerval real = {{0, 250000}, {1000, 0}};
    struct itimerval off = {0};
    struct itimerval now;
    struct fixture f;

    setitimer(ITIMER_REAL, &real, NULL);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_timers_collect(&f.state, &f.err)) == 0,
           "interval timers are collected");
    setitimer(ITIMER_REAL, &off, NULL);
    tap_ok(fixture_say(&f, cr_timers_put_back(&f.state, &f.err)) == 0, "and put back");
    getitimer(ITIMER_REAL, &now);
    tap_ok(now.it_value.tv_sec >= 990 && now.it_value.tv_sec <= 1000 &&
               now.it_interval.tv_usec == 250000,
           "with the time that was left and the interval");
    getitimer(ITIMER_PROF, &now);
    tap_ok(now.it_value.tv_sec == 0, "a timer that was off stays off");
    setitimer(ITIMER_REAL, &off, NULL);
    fixture_end(&f);
}

static void test_posix_timers(void)
{
    struct fixture f;
    int skipped = make_timer(CLOCK_MONOTONIC, SIGUSR1, NULL);
    int armed = make_timer(CLOCK_MONOTONIC, SIGUSR1, (void *)0x123456789abcUL);
    int idle = make_timer(CLOCK_REALTIME, SIGRTMIN + 2, NULL);
    int periodic = make_timer(CLOCK_MONOTONIC, SIGUSR2, NULL);
    quiesce_image_Timers *message = calloc(1, sizeof(*message));

    syscall(SYS_timer_delete, skipped);
    arm(armed, 1000, 0);
    arm(periodic, 2000, 3);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_timers_collect(&f.state, &f.err)) == 0, "POSIX timers are collected");
    cr_state_decode(f.state.first, quiesce_image_Timers_fields, message, NULL);
    tap_ok(message->posix_timer_count == 3, "all of them");
    for (unsigned i = 0; i < message->posix_timer_count; i++) {
        quiesce_image_PosixTimer *t = &message->posix_timer[i];

        if (t->id == armed)
            tap_ok(t->signal == SIGUSR1 && t->value == 0x123456789abcUL &&
                       t->clock == CLOCK_MONOTONIC && t->notify == SIGEV_SIGNAL,
                   "with signal, value and clock");
    }
    syscall(SYS_timer_delete, armed);
    syscall(SYS_timer_delete, idle);
    syscall(SYS_timer_delete, periodic);
    tap_ok(fixture_say(&f, cr_timers_put_back(&f.state, &f.err)) == 0, "and put back");
    tap_ok(left_ns(armed) > 990LL * 1000000000 && left_ns(armed) <= 1000LL * 1000000000,
           "an armed timer goes on, under its id");
    tap_ok(left_ns(idle) == 0, "a timer that is not armed exists");
    tap_ok(left_ns(periodic) > 1990LL * 1000000000, "a periodic timer goes on");
    tap_ok(left_ns(skipped) == -1, "no other one is left");
    fixture_end(&f);
    free(message);
}

static void test_cpu_time(void)
{
    int of_process = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGUSR1, NULL);
    struct fixture f;
    int of_thread;
    int rc;

    arm(of_process, 1000, 0);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_timers_collect(&f.state, &f.err)) == 0,
           "a timer of the process's CPU time is collected");
    syscall(SYS_timer_delete, of_process);
    tap_ok(fixture_say(&f, cr_timers_put_back(&f.state, &f.err)) == 0 &&
               left_ns(of_process) > 990LL * 1000000000,
           "and put back");
    fixture_end(&f);
    of_thread = make_timer(CLOCK_THREAD_CPUTIME_ID, SIGUSR1, NULL);
    fixture_begin(&f);
    rc = cr_timers_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED, "one of a thread's is refused");
    syscall(SYS_timer_delete, of_thread);
    fixture_end(&f);
}

int main(void)
{
    test_interval_timers();
    test_posix_timers();
    for (int id = 0; id < 10; id++)
        syscall(SYS_timer_delete, id);
    test_cpu_time();
    return tap_done();
}
