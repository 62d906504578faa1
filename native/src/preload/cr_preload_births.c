/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Threads that begin after a restart that could not have the old ids: none may have an id by which the
 * program, and the C library's mutexes, know one that came back.
 */
#include "cr_preload_pid.h"
#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>

#define TRIES 64

enum { UNBORN, BORN, STILLBORN };

struct birth {
    void *(*begin)(void *argument);
    void *argument;
    volatile uint32_t
        state; /* what the maker waits for; the thread does not look at it any more then */
    pid_t tid;
};

static void *be_born(void *argument)
{
    struct birth *b = argument;
    const struct birth mine = *b;
    uint32_t state;

    b->tid = cr_sys_gettid();
    state = cr_preload_means_another(b->tid, CR_ID_THREAD | CR_ID_PROCESS) ? STILLBORN : BORN;
    __atomic_store_n(&b->state, state, __ATOMIC_RELEASE);
    cr_sys_futex_wake((void *)&b->state, 1);
    return state == BORN ? mine.begin(mine.argument) : NULL;
}

/* Its stack may be the caller's. */
static void bury(const struct birth *b, pthread_t thread, int detached)
{
    if (!detached)
        pthread_join(thread, NULL);
    while (detached && cr_sys(SYS_tgkill, cr_sys_getpid(), b->tid, 0) == 0)
        cr_sys(SYS_sched_yield);
}

CR_WRAPPER int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                              void *(*begin)(void *argument), void *argument)
{
    const struct cr_freeze_id *ids;
    int detached = 0;

    if (__builtin_expect(cr_freeze_ids(&ids) == 0, 1))
        return CR_NEXT(pthread_create)(thread, attributes, begin, argument);
    if (attributes != NULL)
        pthread_attr_getdetachstate(attributes, &detached);
    for (int i = 0; i < TRIES; i++) {
        struct birth b = {begin, argument, UNBORN, 0};
        int rc = CR_NEXT(pthread_create)(thread, attributes, be_born, &b);

        if (rc != 0)
            return rc;
        while (__atomic_load_n(&b.state, __ATOMIC_ACQUIRE) == UNBORN)
            cr_sys_futex_wait((void *)&b.state, UNBORN, NULL);
        if (b.state == BORN)
            return 0;
        bury(&b, *thread, detached == PTHREAD_CREATE_DETACHED);
    }
    return EAGAIN;
}
