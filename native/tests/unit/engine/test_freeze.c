/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping and releasing threads over and over; how long it takes is told in comments. */
#include "agent_thread.h"
#include "cr_freeze.h"
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16
#define STOPS 100

static volatile int stop;
static volatile long steps[THREADS * 8]; /* a cache line each */
static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *wait_for_lock(void *argument)
{
    pthread_mutex_lock(&never);
    pthread_mutex_unlock(&never);
    return argument;
}

static void *count(void *argument)
{
    long self = (long)argument;

    while (!stop)
        steps[self * 8]++;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Returns how many stops failed; no counter may move while all stand. */
static int stop_often(const char *what, int *ret_moved)
{
    static int64_t took[STOPS];
    long before[THREADS];
    int failures = 0;

    for (int i = 0; i < STOPS; i++) {
        struct cr_error err = {0};
        int64_t begun = now_ns();
        failures += cr_freeze_stop(CR_STOP_TIMEOUT_NS, &err) < 0;
        took[i] = now_ns() - begun;
        for (int t = 0; t < THREADS; t++)
            before[t] = steps[t * 8];
        if (i % 20 == 0)
            syscall(SYS_nanosleep, &(struct timespec){0, 2000000}, NULL);
        for (int t = 0; t < THREADS; t++)
            *ret_moved += before[t] != steps[t * 8];
        cr_freeze_release();
    }
    qsort(took, STOPS, sizeof(took[0]), compare);
    printf("# %s: %d threads parked in %.3f ms (median), %.3f ms (95 of 100), %.3f ms (worst)\n",
           what, THREADS, (double)took[STOPS / 2] / 1e6, (double)took[STOPS * 95 / 100] / 1e6,
           (double)took[STOPS - 1] / 1e6);
    return failures;
}

static void join_all(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct cr_freeze_rules rules = {NULL, is_agent};
    const struct cr_freeze_rules no_rules = {NULL, NULL};
    pthread_t threads[THREADS];
    struct cr_error err = {0};
    int moved = 0;
    int rc;

    cr_freeze_set_rules(&rules);
    pthread_mutex_lock(&never);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_for_lock, (void *)i);
    usleep(20000);
    tap_ok(stop_often("blocked", &moved) == 0, "blocked threads stop, 100 times");
    pthread_mutex_unlock(&never);
    join_all(threads);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, (void *)i);
    tap_ok(stop_often("counting", &moved) == 0, "busy threads stop, 100 times");
    tap_ok(moved == 0, "nobody runs while all are stopped");
    tap_ok(!cr_freeze_is_stopping(), "no stop is left over");
    cr_freeze_set_rules(&no_rules);
    /* The agent takes no signal: it stands for a thread that cannot stop. */
    rc = cr_freeze_stop(200000000, &err);
    cr_freeze_release();
    tap_ok(rc == -CR_ENOPARK, "a thread that does not stop is refused when the time is over");
    tap_ok(strstr(err.text, "did not stop") != NULL, "and named");
    moved = 0;
    usleep(100000);
    for (int i = 0; i < THREADS; i++)
        moved += steps[i * 8] > 0;
    tap_ok(moved == THREADS, "all others run on");
    stop = 1;
    join_all(threads);
    return tap_done();
}
