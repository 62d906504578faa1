/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits with relative timeouts: what was left when the process was stopped is left when it runs
 * again. The time in which it did not exist does not count; the runner tells how long that was by
 * what the process sees of the real-time clock.
 */
#include "scenario.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#define LENGTH 2.5
#define SLEPT_BEFORE_US                                                                            \
    1200000           /* before the stop: a sleep that began anew would be that much too long */
#define TOLERANCE 0.6 /* half of it: on a busy machine the ticker misses some ticks */

static volatile double stopped; /* seconds in which a thread that should tick every 5 ms did not */

/* Adds up the gaps: a process that is not there does not tick. */
static void *tick(void *unused)
{
    const struct timespec step = {0, 5000000};
    double last = sc_now();

    for (;;) {
        double next;
        syscall(SYS_nanosleep, &step, NULL);
        next = sc_now();
        if (next - last > 0.1)
            stopped += next - last;
        last = next;
    }
    return unused;
}

struct sleeper {
    const char *name;
    void (*sleep)(void);
    double took, without_stops;
};

static void by_usleep(void)
{
    usleep(2500000);
}
static void by_nanosleep(void)
{
    struct timespec t = {2, 500000000};
    nanosleep(&t, &t);
}
static void by_poll(void)
{
    poll(NULL, 0, 2500);
}
static void by_raw_nanosleep(void)
{
    const struct timespec t = {2, 500000000};
    struct timespec rest;
    syscall(SYS_nanosleep, &t, &rest);
}
static void by_ppoll(void)
{
    const struct timespec t = {2, 500000000};
    ppoll(NULL, 0, &t, NULL);
}

static struct sleeper sleepers[] = {{"usleep", by_usleep, 0, 0},
                                    {"nanosleep", by_nanosleep, 0, 0},
                                    {"poll", by_poll, 0, 0},
                                    {"nanosleep by system call", by_raw_nanosleep, 0, 0},
                                    {"ppoll", by_ppoll, 0, 0}};
#define SLEEPERS (sizeof(sleepers) / sizeof(*sleepers))

static void *run(void *argument)
{
    struct sleeper *s = argument;
    double begun = sc_now();
    double before = stopped;

    s->sleep();
    s->took = sc_now() - begun;
    usleep(20000); /* the ticker has seen the last gap by now */
    s->without_stops = s->took - (stopped - before);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[SLEEPERS];
    pthread_t ticker;

    sc_init(argc, argv, "relative timeouts keep what is left of them");
    pthread_create(&ticker, NULL, tick, NULL);
    for (size_t i = 0; i < SLEEPERS; i++)
        pthread_create(&threads[i], NULL, run, &sleepers[i]);
    usleep(SLEPT_BEFORE_US);
    sc_ready();
    sc_wait();
    for (size_t i = 0; i < SLEEPERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SLEEPERS; i++)
        if (sleepers[i].without_stops < LENGTH - TOLERANCE ||
            sleepers[i].without_stops > LENGTH + TOLERANCE)
            sc_fail("%s took %.2f s, of which %.2f s running, instead of %.1f", sleepers[i].name,
                    sleepers[i].took, sleepers[i].without_stops, LENGTH);
    sc_pass();
}
