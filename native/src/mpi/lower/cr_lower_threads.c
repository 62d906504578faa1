/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; the functions that may be called with any FS base use neither TLS nor errno. */
#include "cr_lower_threads.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_ranges.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define EXPORT __attribute__((visibility("default")))
#define TIDS_MAX 65536
#define SHADOW_STACK 65536
#define START_WAIT_NS 1000000000LL

typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static volatile int tids[TIDS_MAX]; /* 0: free */
static volatile int tids_end;
static volatile int starting; /* threads that exist or will soon, and are not in tids[] yet */
static pthread_once_t leaving_once = PTHREAD_ONCE_INIT;
static pthread_key_t leaving;

/* TLS of a lower TCB: the FS base of the thread that has borrowed it. */
static __thread uint64_t borrower __attribute__((tls_model("initial-exec")));

struct start {
    void *(*routine)(void *);
    void *argument;
};

static void tids_add(int tid)
{
    int i;

    for (i = 0; i < TIDS_MAX; i++) {
        int none = 0;
        if (!__atomic_compare_exchange_n(&tids[i], &none, tid, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        none = __atomic_load_n(&tids_end, __ATOMIC_RELAXED);
        while (i >= none && !__atomic_compare_exchange_n(&tids_end, &none, i + 1, 0,
                                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            ;
        return;
    }
}

static int tids_find(int tid)
{
    int i, end = __atomic_load_n(&tids_end, __ATOMIC_ACQUIRE);

    for (i = 0; i < end; i++) {
        if (__atomic_load_n(&tids[i], __ATOMIC_ACQUIRE) == tid)
            return i;
    }
    return -1;
}

/* Destructor of a pthread key: the thread ends within microseconds, its number may be used again.
 * */
static void leave(void *ignored)
{
    int at = tids_find(cr_sys_gettid());

    (void)ignored;
    if (at >= 0)
        __atomic_store_n(&tids[at], 0, __ATOMIC_RELEASE);
}

static void make_leaving(void)
{
    pthread_key_create(&leaving, leave);
}

static void *run(void *argument)
{
    struct start s = *(struct start *)argument;

    tids_add(cr_sys_gettid());
    __atomic_fetch_sub(&starting, 1, __ATOMIC_ACQ_REL);
    free(argument);
    pthread_setspecific(leaving, &leaving);
    return s.routine(s.argument);
}

static create_fn original_create(void)
{
    static create_fn found;

    if (found == NULL)
        found = (create_fn)dlsym(RTLD_NEXT, "pthread_create");
    return found;
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*routine)(void *), void *restrict argument)
{
    struct start *s = malloc(sizeof *s);
    /* All but 32 and 33, which the C library sends to single threads (cancellation, setuid). */
    uint64_t all = ~(3UL << 31), old = 0;
    int rc;

    if (s == NULL)
        return EAGAIN;
    *s = (struct start){routine, argument};
    pthread_once(&leaving_once, make_leaving);
    /* A new thread has the mask of its maker. */
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof all);
    __atomic_fetch_add(&starting, 1, __ATOMIC_ACQ_REL);
    rc = original_create()(thread, attributes, run, s);
    if (rc != 0) {
        __atomic_fetch_sub(&starting, 1, __ATOMIC_ACQ_REL);
        free(s);
    }
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return rc;
}

/*
 * The C library makes threads of its own for asynchronous I/O, which nobody sees being made. Their
 * stacks belong to the lower half; that of a thread of the application never does, wherever it runs.
 * 1 and 0: known; -1: it runs, so the kernel does not tell.
 */
static int stands_on_lower_stack(int tid)
{
    char path[64], text[256];
    const char *at;
    long length;
    uint64_t sp = 0;

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
    length = cr_sys_read_file(path, text, sizeof(text) - 1);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    if (text[0] == 'r')
        return -1;
    /* Stack pointer and instruction pointer are the last two words. */
    for (int words = 0; words < 2 && length > 0; length--)
        words += text[length - 1] == ' ';
    at = text + length + 3; /* behind " 0x" */
    if (length > 0)
        sp = cr_parse_u64(&at, 16);
    return cr_lower_ranges_contain(sp & ~15UL, (sp & ~15UL) + 16);
}

/* All signals are blocked: for ever by the C library's own threads, for a moment by others. */
static int is_deaf(int tid)
{
    char path[64], text[4096];
    const char *at;
    long length;

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/status", tid);
    length = cr_sys_read_file(path, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    at = strstr(text, "\nSigBlk:\t");
    /* Numbers 9, 19, 32 and 33 are never blocked. */
    return at != NULL && strncmp(at + 9, "fffffffe7ffbfeff", 16) == 0;
}

static int made_by_library(int tid)
{
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + START_WAIT_NS;
    int known;

    while ((known = stands_on_lower_stack(tid)) < 0) {
        if (!is_deaf(tid) || cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return 0;
        cr_sys(SYS_sched_yield);
    }
    return known;
}

int cr_lower_threads_is_lower(int tid)
{
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + START_WAIT_NS;

    for (;;) {
        /* Read in this order: a thread that is not starting any more is in the table. */
        int pending = __atomic_load_n(&starting, __ATOMIC_ACQUIRE);
        if (tids_find(tid) >= 0)
            return 1;
        if (pending == 0 || cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return made_by_library(tid);
        cr_sys(SYS_sched_yield);
    }
}

/* --- shadows --- */

enum { REQUEST_NONE, REQUEST_MADE, REQUEST_ANSWERED };

/* One request at a time, from a thread that may have any FS base, to the thread "cr-shadows". */
static struct {
    volatile uint32_t lock;
    volatile uint32_t state;
    int error;
    struct cr_shadow shadow;
} request;

static uint64_t own_fs(void)
{
    uint64_t self;

    /* The first word of a TCB is its own address (x86-64 ABI). */
    __asm__("mov %%fs:0, %0" : "=r"(self));
    return self;
}

void cr_lower_threads_own_shadow(struct cr_shadow *ret_shadow)
{
    ret_shadow->fs = own_fs();
    ret_shadow->upper_fs = &borrower;
}

uint64_t cr_lower_threads_upper_fs(void)
{
    return borrower;
}

static void *shadow_main(void *argument)
{
    volatile uint32_t *done = argument;
    static volatile uint32_t for_ever;

    cr_lower_threads_own_shadow(&request.shadow);
    __atomic_store_n(done, 1, __ATOMIC_RELEASE);
    cr_sys_futex_wake(done, 1);
    for (;;)
        cr_sys_futex_wait(&for_ever, 0, NULL);
    return NULL;
}

static int make_shadow(void)
{
    static volatile uint32_t done;
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    done = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SHADOW_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attributes, shadow_main, (void *)&done);
    pthread_attr_destroy(&attributes);
    while (rc == 0 && __atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0)
        cr_sys_futex_wait(&done, 0, NULL);
    return rc;
}

static volatile int maker_ready;

static void *maker_main(void *ignored)
{
    (void)ignored;
    /* By now the C library has made what it makes for a new thread. */
    __atomic_store_n(&maker_ready, 1, __ATOMIC_RELEASE);
    cr_sys(SYS_prctl, PR_SET_NAME, "cr-shadows");
    for (;;) {
        while (__atomic_load_n(&request.state, __ATOMIC_ACQUIRE) != REQUEST_MADE)
            cr_sys_futex_wait(&request.state, REQUEST_NONE, NULL);
        request.error = make_shadow();
        __atomic_store_n(&request.state, REQUEST_ANSWERED, __ATOMIC_RELEASE);
        cr_sys_futex_wake(&request.state, 1);
    }
    return NULL;
}

int cr_lower_threads_new_shadow(struct cr_shadow *ret_shadow)
{
    int rc;

    while (__atomic_exchange_n(&request.lock, 1, __ATOMIC_ACQUIRE))
        cr_sys(SYS_sched_yield);
    __atomic_store_n(&request.state, REQUEST_MADE, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&request.state, 1);
    while (__atomic_load_n(&request.state, __ATOMIC_ACQUIRE) != REQUEST_ANSWERED)
        cr_sys_futex_wait(&request.state, REQUEST_MADE, NULL);
    rc = request.error;
    if (rc == 0)
        *ret_shadow = request.shadow;
    __atomic_store_n(&request.state, REQUEST_NONE, __ATOMIC_RELEASE);
    __atomic_store_n(&request.lock, 0, __ATOMIC_RELEASE);
    return rc;
}

int cr_lower_threads_start(struct cr_error *err)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SHADOW_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attributes, maker_main, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0)
        return cr_fail(err, rc, "starting the lower half's thread");
    while (__atomic_load_n(&maker_ready, __ATOMIC_ACQUIRE) == 0)
        cr_sys(SYS_sched_yield);
    return 0;
}
