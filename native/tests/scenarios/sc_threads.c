/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with thread-local data, a contended mutex, condition variables, and malloc; all are
 * joined at the end.
 */
#include "scenario.h"

#include <pthread.h>
#include <signal.h>

#define THREADS 8
#define ROUNDS 400

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t held; /* recursive, held by the main thread all the time */
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;
static volatile int finish;
static int ending; /* this is the last round */
static long total;
static __thread long mine;

static void *work(void *argument)
{
    long self = (long)argument;
    pthread_t me = pthread_self();
    int last = 0;

    while (!last) {
        char *p = malloc(64 + (size_t)self);
        pthread_mutex_lock(&lock);
        while (turn % THREADS != self)
            pthread_cond_wait(&turned, &lock);
        turn++;
        total++;
        mine++;
        memset(p, (int)self, 64);
        /* The first one decides for all, in the same round: nobody waits for the turn of one that has ended. */
        if (self == 0 && finish && mine >= ROUNDS)
            ending = 1;
        last = ending;
        pthread_cond_broadcast(&turned);
        pthread_mutex_unlock(&lock);
        free(p);
        if (!pthread_equal(me, pthread_self()))
            return (void *)-1;
    }
    return (void *)mine;
}

int main(int argc, char **argv)
{
    pthread_mutexattr_t recursive;
    pthread_t threads[THREADS];
    long sum = 0;

    sc_init(argc, argv, "threads go on with their locks and data");
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&held, &recursive);
    pthread_mutex_lock(&held);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    sc_ready();
    sc_wait();
    if (pthread_mutex_trylock(&held) != 0)
        sc_fail("a recursive mutex has forgotten its owner");
    if (pthread_kill(threads[0], 0) != 0)
        sc_fail("pthread_kill does not find a thread");
    finish = 1;
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        if (pthread_join(threads[i], &result) != 0 || (long)result < ROUNDS)
            sc_fail("thread %d returned %ld", i, (long)result);
        sum += (long)result;
    }
    if (sum != total)
        sc_fail("%ld rounds counted, %ld made", sum, total);
    sc_pass();
}
