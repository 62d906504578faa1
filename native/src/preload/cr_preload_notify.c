/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Timers that call a function in a thread of its own (SIGEV_THREAD). The C library serves them by a thread in
 * which every signal is blocked, so that it could not be parked; this one serves them instead, in the same way: the kernel sends
 * it a signal for each expiry, with the timer's address as value.
 */
#include "cr_preload_notify.h"
#include "cr_preload.h"
#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define NOTIFY_SIGNAL 32 /* the C library keeps it for itself, and uses it for this */
#define SETXID_SIGNAL 33 /* and this one must reach every thread */
#define MASK(signal) (1UL << ((signal)-1))

struct notified {
    struct notified *next;
    timer_t timer;
    void (*function)(union sigval value);
    union sigval value;
    pthread_attr_t attributes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct notified *all;
static volatile uint32_t server; /* its thread id; 0: not running */

/* The thread of one expiry runs with no signal blocked, as the C library has it. */
static void *run_function(void *argument)
{
    struct notified called = *(struct notified *)argument;
    sigset_t none;

    free(argument);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    called.function(called.value);
    return NULL;
}

static void call(const struct notified *wanted)
{
    struct notified *found;
    struct notified *copy = malloc(sizeof(*copy));
    pthread_t thread;

    pthread_mutex_lock(&lock);
    for (found = all; found != NULL && found != wanted;)
        found = found->next;
    if (found != NULL && copy != NULL)
        *copy = *found;
    pthread_mutex_unlock(&lock);
    /* It may have been deleted after the kernel had sent its signal. */
    if (found == NULL || copy == NULL ||
        pthread_create(&thread, &copy->attributes, run_function, copy) != 0)
        free(copy);
}

static void *serve(void *unused)
{
    const uint64_t blocked = ~(MASK(CR_STOP_SIGNAL) | MASK(SETXID_SIGNAL));
    const uint64_t wanted = MASK(NOTIFY_SIGNAL);
    siginfo_t info;

    (void)unused;
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8);
    server = (uint32_t)gettid();
    cr_sys_futex_wake(&server, INT32_MAX);
    for (;;)
        if (cr_sys(SYS_rt_sigtimedwait, &wanted, &info, 0, 8) == NOTIFY_SIGNAL &&
            info.si_code == SI_TIMER)
            call(info.si_value.sival_ptr);
    return NULL;
}

/* With LOCK held. The new thread must have its mask before a timer can send it anything. */
static int start_server(void)
{
    const uint64_t blocked = ~(MASK(CR_STOP_SIGNAL) | MASK(SETXID_SIGNAL));
    pthread_attr_t attributes;
    pthread_t thread;
    uint64_t before;
    int rc;

    if (server != 0)
        return 0;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, 8);
    rc = pthread_create(&thread, &attributes, serve, NULL);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
    pthread_attr_destroy(&attributes);
    while (rc == 0 && server == 0)
        cr_sys_futex_wait(&server, 0, NULL);
    return rc;
}

/* What the C library takes from the attributes of the program. */
static void copy_attributes(pthread_attr_t *to, const pthread_attr_t *from)
{
    size_t size;

    pthread_attr_init(to);
    pthread_attr_setdetachstate(to, PTHREAD_CREATE_DETACHED);
    if (from == NULL)
        return;
    if (pthread_attr_getstacksize(from, &size) == 0)
        pthread_attr_setstacksize(to, size);
    if (pthread_attr_getguardsize(from, &size) == 0)
        pthread_attr_setguardsize(to, size);
}

static int create(clockid_t clock, const struct sigevent *event, struct notified *n)
{
    struct sigevent to_server = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NOTIFY_SIGNAL};
    int id = 0;
    long rc;

    copy_attributes(&n->attributes, event->sigev_notify_attributes);
    n->function = event->sigev_notify_function;
    n->value = event->sigev_value;
    to_server.sigev_value.sival_ptr = n;
    pthread_mutex_lock(&lock);
    rc = -start_server();
    to_server._sigev_un._tid = cr_freeze_kernel_tid((int)server);
    if (rc == 0)
        rc = cr_sys(SYS_timer_create, clock, &to_server, &id);
    if (rc == 0) {
        /* The C library gives out the kernel's number as it stands. */
        n->timer = (timer_t)(intptr_t)id;
        n->next = all;
        all = n;
    }
    pthread_mutex_unlock(&lock);
    return (int)rc;
}

int cr_preload_notify_create(clockid_t clock, const struct sigevent *event, timer_t *ret_timer)
{
    struct notified *n = malloc(sizeof(*n));
    int rc = n != NULL ? create(clock, event, n) : -ENOMEM;

    if (rc < 0) {
        free(n);
        errno = -rc;
        return -1;
    }
    *ret_timer = n->timer;
    return 0;
}

CR_WRAPPER int timer_delete(timer_t timer)
{
    struct notified **at = &all;
    struct notified *found;

    pthread_mutex_lock(&lock);
    while (*at != NULL && (*at)->timer != timer)
        at = &(*at)->next;
    found = *at;
    if (found != NULL)
        *at = found->next;
    pthread_mutex_unlock(&lock);
    if (found != NULL)
        pthread_attr_destroy(&found->attributes);
    free(found);
    return CR_NEXT(timer_delete)(timer);
}

/* Neither timers nor threads come along with a fork(). */
void cr_preload_notify_forked(void)
{
    pthread_mutex_init(&lock, NULL);
    all = NULL;
    server = 0;
}
