/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutexes that are held across the checkpoint: robust, with priority inheritance, and shared between processes, each with
 * a thread that waits for it. Their words hold thread ids, which come back only for root.
 * needs: root
 */
#include "scenario.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#define KINDS 4

static pthread_mutex_t *mutexes;
static volatile int waiting, got[KINDS];

static void make(int i)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    if (i == 0 || i == 3)
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (i == 1 || i == 3)
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (i == 2)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    if (i >= 2)
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&mutexes[i], &attributes);
    pthread_mutex_lock(&mutexes[i]);
}

static void *want(void *argument)
{
    int i = (int)(long)argument;

    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    if (pthread_mutex_lock(&mutexes[i]) == 0)
        got[i] = 1;
    pthread_mutex_unlock(&mutexes[i]);
    return NULL;
}

/* The robust one's owner ends with it: whoever comes next is told. */
static void *own_and_end(void *unused)
{
    pthread_mutex_lock(&mutexes[0]);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[KINDS];
    pthread_t owner;

    sc_init(argc, argv, "mutexes that are held stay held");
    mutexes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < KINDS; i++) {
        make((int)i);
        pthread_create(&threads[i], NULL, want, (void *)i);
    }
    while (waiting < KINDS)
        usleep(1000);
    sc_ready();
    sc_wait();
    for (int i = 0; i < KINDS; i++)
        if (got[i])
            sc_fail("mutex %d was given to another thread", i);
    for (int i = 0; i < KINDS; i++) {
        if (pthread_mutex_unlock(&mutexes[i]) != 0)
            sc_fail("mutex %d cannot be unlocked by its owner", i);
        pthread_join(threads[i], NULL);
        if (!got[i])
            sc_fail("the thread that waited for mutex %d did not get it", i);
    }
    pthread_create(&owner, NULL, own_and_end, NULL);
    pthread_join(owner, NULL);
    if (pthread_mutex_lock(&mutexes[0]) != EOWNERDEAD)
        sc_fail("the end of a robust mutex's owner is not noticed");
    sc_pass();
}
