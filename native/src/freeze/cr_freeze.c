/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The agent's side of a stop; cr_park.c is the side of the threads. */
#include "cr_freeze.h"

#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_park.h"
#include "cr_proc.h"
#include "cr_state_signals.h"
#include "cr_state_thread.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define MAX_THREADS 16384UL
#define LOOK_TIMEOUT_NS 1000000000LL
#define CHECK_INTERVAL_NS 2000000 /* how often those who have not come are looked at */
#define RESTORED_TIMEOUT_NS (30LL * 1000000000)

struct cr_freeze cr_freeze;

struct kernel_action { /* struct sigaction of the system call */
    void (*handler)(int, siginfo_t *, void *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

static uint64_t reserve(size_t size)
{
    return cr_sys_mmap(0, MAX_THREADS * size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int cr_freeze_init(void)
{
    struct kernel_action action = {cr_park_handler,
                                   SA_SIGINFO | SA_RESTART | SA_ONSTACK | 0x04000000UL,
                                   cr_signal_return, ~0UL};
    uint64_t threads = reserve(sizeof(struct cr_thread));
    uint64_t attributes = reserve(sizeof(struct cr_attributes));

    if (cr_sys_is_error(threads) || cr_sys_is_error(attributes))
        return -ENOMEM;
    cr_freeze.threads = (struct cr_thread *)threads;
    cr_freeze.attributes = (struct cr_attributes *)attributes;
    cr_freeze.pid = cr_sys_getpid();
    return (int)cr_sys(SYS_rt_sigaction, CR_STOP_SIGNAL, &action, 0, 8);
}

void cr_freeze_forked(void)
{
    cr_freeze.pid = cr_sys_getpid();
    cr_freeze.released = cr_freeze.generation;
    cr_freeze.going = cr_freeze.generation;
    cr_freeze.running = 0;
    cr_freeze.preparing = 0;
    cr_freeze.count = 0;
}

void cr_freeze_set_rules(const struct cr_freeze_rules *rules)
{
    cr_freeze.rules = *rules;
}

void cr_freeze_set_callbacks(const struct cr_freeze_callbacks *callbacks)
{
    cr_freeze.callbacks = callbacks;
}

void cr_freeze_set_unwrapped(void)
{
    cr_freeze.unwrapped = 1;
}

int cr_freeze_is_unwrapped(void)
{
    return cr_freeze.unwrapped != 0;
}

int cr_freeze_is_stopping(void)
{
    return __atomic_load_n(&cr_freeze.released, __ATOMIC_ACQUIRE) !=
           __atomic_load_n(&cr_freeze.generation, __ATOMIC_ACQUIRE);
}

size_t cr_freeze_threads(struct cr_thread **ret_threads)
{
    *ret_threads = cr_freeze.threads;
    return cr_freeze.count;
}

struct cr_attributes *cr_freeze_attributes(const struct cr_thread *t)
{
    return &cr_freeze.attributes[t - cr_freeze.threads];
}

static struct cr_thread *add_record(int kernel_tid)
{
    struct cr_thread *t = &cr_freeze.threads[cr_freeze.count];
    int known = cr_freeze_known_tid(kernel_tid);

    t->parked = 0;
    t->deferred = 0;
    t->gone = 0;
    t->ucontext = NULL;
    t->kernel_tid = kernel_tid;
    t->tid = known;
    /* The handler reads the record after the signal, and only below count. */
    __atomic_store_n(&cr_freeze.count, cr_freeze.count + 1, __ATOMIC_RELEASE);
    return t;
}

static int is_listed(int kernel_tid)
{
    for (uint32_t i = 0; i < cr_freeze.count; i++)
        if (cr_freeze.threads[i].kernel_tid == kernel_tid && cr_freeze.threads[i].gone == 0)
            return 1;
    return 0;
}

/* Called for each thread; *ARGUMENT counts those that are new. */
static int signal_thread(int tid, void *argument)
{
    uint32_t *added = argument;
    struct cr_thread *t;
    int rc;

    if (is_listed(tid) || (cr_freeze.rules.is_foreign != NULL && cr_freeze.rules.is_foreign(tid)))
        return 0;
    if (cr_freeze.count >= MAX_THREADS)
        return -E2BIG;
    t = add_record(tid);
    cr_proc_read_call(tid, &t->call);
    rc = cr_park_signal(t);
    if (rc == -ESRCH)
        t->gone = 1;
    else if (rc < 0)
        return rc;
    (*added)++;
    return 0;
}

static uint32_t count_missing(void)
{
    uint32_t missing = 0;

    for (uint32_t i = 1; i < cr_freeze.count; i++)
        missing +=
            cr_freeze.threads[i].gone == 0 && cr_freeze.threads[i].parked != cr_freeze.generation;
    return missing;
}

/* Those that have not come: gone, to be signalled again, or never going to come. */
static int look_at_missing(int late, struct cr_error *err)
{
    for (uint32_t i = 1; i < cr_freeze.count; i++) {
        struct cr_thread *t = &cr_freeze.threads[i];
        char state;
        if (t->gone != 0 || t->parked == cr_freeze.generation)
            continue;
        state = cr_proc_thread_state(t->kernel_tid);
        if (state == 0 || state == 'X') {
            t->gone = 1;
        } else if (state == 'Z') {
            if (t->kernel_tid == cr_freeze.pid)
                return cr_fail(err, CR_ENOPARK,
                               "the main thread has ended (pthread_exit) while others run on: such "
                               "a process cannot be checkpointed");
            t->gone = 1;
        } else if (late) {
            return cr_fail(err, CR_ENOPARK,
                           "thread %d did not stop in time (state %c%s); try again later", t->tid,
                           state,
                           state == 'D' ? ": it waits for a device, or for a child of vfork" : "");
        } else if (t->deferred == cr_freeze.generation) {
            cr_park_signal(t);
        }
    }
    return 0;
}

static int await_parked(int64_t deadline, struct cr_error *err)
{
    const struct timespec interval = {0, CHECK_INTERVAL_NS};
    int rc;

    for (;;) {
        uint32_t came = __atomic_load_n(&cr_freeze.parked, __ATOMIC_ACQUIRE);
        uint32_t missing = count_missing();
        if (missing == 0)
            return 0;
        __atomic_store_n(&cr_freeze.expected, came + missing, __ATOMIC_SEQ_CST);
        if (cr_sys_futex_wait(&cr_freeze.parked, came, &interval) != -ETIMEDOUT)
            continue;
        rc = cr_freeze.callbacks != NULL ? cr_freeze.callbacks->serve(err) : 0;
        /* Callbacks may take their time. */
        if (rc == 0)
            rc = look_at_missing(
                cr_freeze.preparing == 0 && cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline, err);
        if (rc < 0)
            return rc;
    }
}

static int stop(int64_t timeout_ns, struct cr_error *err)
{
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + timeout_ns;
    uint32_t added;
    int rc;

    cr_freeze.count = 0;
    cr_freeze.parked = 0;
    cr_freeze.back = 0;
    cr_signals_begin();
    add_record(cr_sys_gettid());
    __atomic_store_n(&cr_freeze.generation, cr_freeze.generation + 1, __ATOMIC_SEQ_CST);
    cr_freeze.threads[0].parked = cr_freeze.generation;
    do { /* a thread that has not parked yet can make another one */
        added = 0;
        rc = cr_proc_each_thread(signal_thread, &added);
        if (rc < 0)
            return cr_fail(err, CR_ENOPARK, "cannot signal the threads of this process: error %d",
                           -rc);
        cr_park_ring();
        rc = await_parked(deadline, err);
        if (rc < 0)
            return rc;
    } while (added > 0);
    cr_freeze.stopped_at = cr_sys_clock_ns(CLOCK_MONOTONIC);
    return 0;
}

int cr_freeze_stop(int64_t timeout_ns, struct cr_error *err)
{
    int rc;

    cr_forks_hold();
    rc = stop(timeout_ns, err);
    cr_forks_stopped(rc == 0);
    cr_forks_let();
    return rc;
}

void cr_freeze_go(int outcome)
{
    uint32_t running;

    cr_freeze.outcome = outcome;
    __atomic_store_n(&cr_freeze.going, cr_freeze.generation, __ATOMIC_SEQ_CST);
    cr_park_ring();
    while ((running = __atomic_load_n(&cr_freeze.running, __ATOMIC_ACQUIRE)) != 0)
        cr_sys_futex_wait(&cr_freeze.running, running, NULL);
}

/* The record of a thread that stands and has not looked, or NULL. */
static const struct cr_thread *find_unlooked(void)
{
    for (uint32_t i = 0; i < cr_freeze.count; i++) {
        const struct cr_thread *t = &cr_freeze.threads[i];
        if (t->gone == 0 && t->parked == cr_freeze.generation && t->kernel_tid != cr_sys_gettid() &&
            __atomic_load_n(&t->looked, __ATOMIC_ACQUIRE) != cr_freeze.looks)
            return t;
    }
    return NULL;
}

int cr_freeze_look_again(struct cr_error *err)
{
    const struct timespec step = {0, 50000};
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + LOOK_TIMEOUT_NS;
    const struct cr_thread *t;

    cr_signals_begin();
    __atomic_add_fetch(&cr_freeze.looks, 1, __ATOMIC_SEQ_CST);
    while ((t = find_unlooked()) != NULL) {
        if (cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return cr_fail(err, CR_ENOPARK, "thread %d stands and does not answer", t->tid);
        /* A thread on its way into the wait misses one wake. */
        cr_sys_futex_wake(&cr_freeze.released, INT32_MAX);
        cr_sys_futex_wake(&cr_freeze.bell, INT32_MAX);
        cr_sys(SYS_nanosleep, &step, 0);
    }
    return 0;
}

void cr_freeze_release(void)
{
    cr_forks_stopped(0);
    __atomic_store_n(&cr_freeze.released, cr_freeze.generation, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&cr_freeze.released, INT32_MAX);
}

int cr_freeze_await_restored(struct cr_error *err)
{
    const struct timespec interval = {0, CHECK_INTERVAL_NS};
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + RESTORED_TIMEOUT_NS;
    uint32_t expected = 0;
    uint32_t back;

    for (uint32_t i = 1; i < cr_freeze.count; i++)
        expected += cr_freeze.threads[i].gone == 0;
    while ((back = __atomic_load_n(&cr_freeze.back, __ATOMIC_ACQUIRE)) < expected) {
        if (cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return cr_fail(err, CR_ENOPARK, "%u of %u restored threads did not come back",
                           expected - back, expected);
        cr_sys_futex_wait(&cr_freeze.back, back, &interval);
    }
    cr_freeze.pid = cr_sys_getpid();
    cr_park_remember_ids();
    return 0;
}
