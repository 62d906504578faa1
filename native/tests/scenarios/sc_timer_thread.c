/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timer that calls a function in a thread of its own. (The C library's thread for such timers blocks every signal and could not
 * be stopped: vim has one.)
 */
#include "scenario.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static _Atomic int calls;
static _Atomic int wrong;

static void count(union sigval value)
{
    if (value.sival_int != 42)
        wrong = 1;
    calls++;
}

static void await_calls(int more)
{
    const double deadline = sc_now() + 20;
    int goal = calls + more;

    while (calls < goal)
        if (sc_now() > deadline)
            sc_fail("the function is not called any more");
}

int main(int argc, char **argv)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = count};
    const struct itimerspec often = {{0, 2000000}, {0, 2000000}};
    const struct itimerspec never = {0};
    timer_t timer;
    timer_t deleted;

    sc_init(argc, argv, "a timer goes on calling its function");
    event.sigev_value.sival_int = 42;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &deleted) != 0 || timer_delete(deleted) != 0 ||
        timer_settime(timer, 0, &often, NULL) != 0)
        sc_fail("no timer");
    await_calls(3);
    sc_ready();
    sc_wait();
    await_calls(3);
    if (wrong || timer_settime(timer, 0, &never, NULL) != 0 || timer_delete(timer) != 0)
        sc_fail("the timer is another one");
    sc_pass();
}
