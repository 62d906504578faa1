/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is done to a thread by its handle, also to one that came back with another id. */
#include "scenario.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#define NEW_THREADS 20
#define VALUE 77

static volatile int finish;
static volatile int reached; /* SIGUSR1 has come to the busy thread */
static __thread int is_busy;
static char seen_name[16];
static volatile int queued;

struct facts {
    void *stack;
    size_t size, guard;
    int policy, detached;
    cpu_set_t cpus;
};

static void on_usr1(int number)
{
    (void)number;
    reached = is_busy;
}

/* No cancellation point. */
static void rest(void)
{
    const struct timespec step = {0, 1000000};

    syscall(SYS_nanosleep, &step, NULL);
}

static void *be_busy(void *unused)
{
    is_busy = 1;
    while (!finish)
        rest();
    prctl(PR_GET_NAME, seen_name);
    return unused;
}

static void *block(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *test_cancel(void *unused)
{
    for (;;) {
        pthread_testcancel();
        rest();
    }
    return unused;
}

static void *await_value(void *unused)
{
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    while (sigwaitinfo(&set, &info) != SIGUSR2)
        ;
    if (info.si_code == SI_QUEUE && info.si_pid == getpid() && info.si_uid == getuid())
        queued = info.si_value.sival_int;
    return unused;
}

static void *answer(void *argument)
{
    return argument;
}

static void learn(pthread_t thread, struct facts *f)
{
    pthread_attr_t attributes;
    int rc = pthread_getattr_np(thread, &attributes);

    if (rc != 0)
        sc_fail("pthread_getattr_np: %s", strerror(rc));
    memset(f, 0, sizeof(*f));
    pthread_attr_getstack(&attributes, &f->stack, &f->size);
    pthread_attr_getguardsize(&attributes, &f->guard);
    pthread_attr_getdetachstate(&attributes, &f->detached);
    pthread_attr_getschedpolicy(&attributes, &f->policy);
    pthread_attr_getaffinity_np(&attributes, sizeof(f->cpus), &f->cpus);
    pthread_attr_destroy(&attributes);
}

static void must(int rc, const char *what)
{
    if (rc != 0)
        sc_fail("%s: %s", what, strerror(rc));
}

static void check_scheduling(pthread_t thread)
{
    struct sched_param parameters = {0};
    int policy = -1;

    must(pthread_getschedparam(thread, &policy, &parameters), "pthread_getschedparam");
    if (policy != SCHED_OTHER)
        sc_fail("the policy is %d", policy);
    must(pthread_setschedparam(thread, SCHED_BATCH, &parameters), "pthread_setschedparam");
    must(pthread_setschedprio(thread, 0), "pthread_setschedprio");
    must(pthread_getschedparam(thread, &policy, &parameters), "pthread_getschedparam");
    if (policy != SCHED_BATCH)
        sc_fail("the policy is %d and not that which was set", policy);
}

static void check_clock(pthread_t thread)
{
    struct timespec then;
    struct timespec now;
    clockid_t clock;

    must(pthread_getcpuclockid(thread, &clock), "pthread_getcpuclockid");
    if (clock_gettime(clock, &then) != 0)
        sc_fail("the clock of a thread cannot be read: %s", strerror(errno));
    do {
        rest();
        clock_gettime(clock, &now);
    } while (now.tv_sec == then.tv_sec && now.tv_nsec == then.tv_nsec);
}

static void check_names(pthread_t thread)
{
    char name[16] = "";

    must(pthread_getname_np(thread, name, sizeof(name)), "pthread_getname_np");
    if (strcmp(name, "fifteen letters") != 0)
        sc_fail("the thread is called %s", name);
    must(pthread_setname_np(thread, "renamed"), "pthread_setname_np");
    must(pthread_getname_np(thread, name, sizeof(name)), "pthread_getname_np");
    if (strcmp(name, "renamed") != 0)
        sc_fail("the renamed thread is called %s", name);
    if (pthread_getname_np(thread, name, 15) != ERANGE ||
        pthread_setname_np(thread, "sixteen letters.") != ERANGE)
        sc_fail("names that are too long are taken");
}

static void check_cancelled(pthread_t thread)
{
    void *result = NULL;

    must(pthread_cancel(thread), "pthread_cancel");
    must(pthread_join(thread, &result), "pthread_join");
    if (result != PTHREAD_CANCELED)
        sc_fail("a thread was not cancelled");
}

static void check_new_threads(void)
{
    pthread_t threads[NEW_THREADS];
    void *result = NULL;

    for (long i = 0; i < NEW_THREADS; i++)
        must(pthread_create(&threads[i], NULL, answer, (void *)i), "pthread_create");
    for (long i = 0; i < NEW_THREADS; i++)
        if (pthread_join(threads[i], &result) != 0 || (long)result != i)
            sc_fail("a new thread returns %ld", (long)result);
}

int main(int argc, char **argv)
{
    struct facts then[2];
    struct facts now[2];
    pthread_t busy, blocked, testing, waiting;
    sigset_t set;

    sc_init(argc, argv, "threads are reached by their handles");
    signal(SIGUSR1, on_usr1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&busy, NULL, be_busy, NULL);
    pthread_create(&blocked, NULL, block, NULL);
    pthread_create(&testing, NULL, test_cancel, NULL);
    pthread_create(&waiting, NULL, await_value, NULL);
    pthread_setname_np(busy, "fifteen letters");
    learn(busy, &then[0]);
    learn(pthread_self(), &then[1]);
    sc_ready();
    sc_wait();
    learn(busy, &now[0]);
    learn(pthread_self(), &now[1]);
    if (memcmp(then, now, sizeof(now[0])) != 0)
        sc_fail("the attributes of a thread are others");
    if (now[1].stack != then[1].stack && now[1].size == 0)
        sc_fail("the attributes of the main thread are others");
    check_scheduling(busy);
    check_clock(busy);
    check_names(busy);
    must(pthread_sigqueue(waiting, SIGUSR2, (union sigval){.sival_int = VALUE}),
         "pthread_sigqueue");
    must(pthread_join(waiting, NULL), "pthread_join");
    if (queued != VALUE)
        sc_fail("the signal's value is %d", queued);
    check_cancelled(blocked);
    check_cancelled(testing);
    check_new_threads();
    must(pthread_kill(busy, SIGUSR1), "pthread_kill");
    while (!reached)
        rest();
    finish = 1;
    must(pthread_join(busy, NULL), "pthread_join");
    if (strcmp(seen_name, "renamed") != 0)
        sc_fail("the thread calls itself %s", seen_name);
    sc_pass();
}
