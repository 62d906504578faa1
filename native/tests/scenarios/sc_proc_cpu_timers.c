/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Timers on CPU time: of the process and of two threads, and the three interval timers. They go on with what was left. */
#include "scenario.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#define BUSY_MS 300
#define TICK_MS 20 /* the kernel rounds up */

static volatile int ready, go_on;
static volatile int fired[4];
static timer_t of_thread;

static void on_signal(int number)
{
    fired[number - SIGRTMIN]++;
}

static void on_virtual(int number)
{
    fired[number == SIGVTALRM ? 2 : 3]++;
}

static long cpu_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void arm(timer_t timer, long ms)
{
    struct itimerspec times = {{0, 0}, {ms / 1000, ms % 1000 * 1000000}};

    if (timer_settime(timer, 0, &times, NULL) != 0)
        sc_fail("cannot arm a timer");
}

static long left_ms(timer_t timer)
{
    struct itimerspec now;

    if (timer_gettime(timer, &now) != 0)
        return -1;
    return now.it_value.tv_sec * 1000 + now.it_value.tv_nsec / 1000000;
}

static void *run(void *unused)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    volatile long x = 0;

    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &of_thread) != 0)
        sc_fail("cannot make a timer of a thread");
    arm(of_thread, BUSY_MS);
    ready = 1;
    while (!go_on)
        usleep(1000);
    while (!fired[1])
        x++;
    return unused;
}

static void set_interval(int which, long ms)
{
    struct itimerval timer = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};

    setitimer(which, &timer, NULL);
}

static void check(timer_t of_process)
{
    struct itimerval now;
    long left = left_ms(of_process);

    if (left <= 0 || left > BUSY_MS + TICK_MS || fired[0] || fired[1] || fired[2] || fired[3])
        sc_fail("a timer of CPU time has %ld ms left, or has fired", left);
    getitimer(ITIMER_VIRTUAL, &now);
    if (now.it_value.tv_usec == 0 || now.it_value.tv_usec > (BUSY_MS + TICK_MS) * 1000)
        sc_fail("the virtual timer has %ld us left", (long)now.it_value.tv_usec);
    getitimer(ITIMER_REAL, &now);
    if (now.it_value.tv_sec < 3000 || now.it_value.tv_sec > 3600)
        sc_fail("the real timer has %ld s left", (long)now.it_value.tv_sec);
}

int main(int argc, char **argv)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t of_process;
    pthread_t thread;
    double begun;

    sc_init(argc, argv, "timers of CPU time go on");
    signal(SIGRTMIN, on_signal);
    signal(SIGRTMIN + 1, on_signal);
    signal(SIGVTALRM, on_virtual);
    signal(SIGPROF, on_virtual);
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &of_process) != 0)
        sc_fail("cannot make a timer of the process");
    arm(of_process, BUSY_MS);
    set_interval(ITIMER_VIRTUAL, BUSY_MS);
    set_interval(ITIMER_PROF, BUSY_MS);
    set_interval(ITIMER_REAL, 3600 * 1000);
    pthread_create(&thread, NULL, run, NULL);
    while (!ready)
        usleep(1000);
    sc_ready();
    sc_wait();
    check(of_process);
    go_on = 1;
    begun = sc_now();
    while (!(fired[0] && fired[1] && fired[2] && fired[3]) && sc_now() - begun < 60)
        cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
    if (fired[0] != 1 || fired[1] != 1 || fired[2] != 1 || fired[3] != 1)
        sc_fail("timers fired %d %d %d %d times", fired[0], fired[1], fired[2], fired[3]);
    pthread_join(thread, NULL);
    sc_pass();
}
