/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A timer whose signal is blocked for a long time: one signal, with the count of those that it stands for. */
#include "scenario.h"

#include <signal.h>

#define PERIOD_NS 1000000
#define BEFORE 30 /* periods before the checkpoint */

static siginfo_t take(int number)
{
    siginfo_t info = {0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    if (sigwaitinfo(&set, &info) != number)
        sc_fail("no signal of the timer");
    if (info.si_code != SI_TIMER || info.si_value.sival_int != 4711)
        sc_fail("its signal has code %d and value %d", info.si_code, info.si_value.sival_int);
    return info;
}

int main(int argc, char **argv)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGRTMIN + 3,
                             .sigev_value = {.sival_int = 4711}};
    struct itimerspec times = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    struct timespec wait = {0, BEFORE * PERIOD_NS};
    struct itimerspec now;
    siginfo_t info;
    sigset_t set;
    timer_t timer;

    sc_init(argc, argv, "a timer's overrun is counted");
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &times, NULL) != 0)
        sc_fail("cannot make a timer");
    clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
    sc_ready();
    sc_wait();
    info = take(SIGRTMIN + 3);
    if (info.si_overrun < BEFORE / 2)
        sc_fail("%d overruns after %d periods", info.si_overrun, BEFORE);
    for (int i = 0; i < 3; i++)
        take(SIGRTMIN + 3);
    if (timer_gettime(timer, &now) != 0 || now.it_interval.tv_nsec != PERIOD_NS)
        sc_fail("the timer has another period");
    sc_pass();
}
