/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Waits with a relative timeout: the deadline is noted (cr_wait.h), so that a stop
 * does not lengthen the wait and a restart goes on with exactly what was left. libc's own functions
 * do the waiting: they are cancellation points.
 */
#include "cr_preload.h"
#include "cr_sys.h"
#include "cr_wait.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define MILLI_NS 1000000LL

static int64_t to_ns(const struct timespec *t)
{
    if (t->tv_sec > INT64_MAX / SECOND_NS / 2)
        return INT64_MAX / 2;
    return t->tv_sec * SECOND_NS + t->tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
    return (struct timespec){ns / SECOND_NS, ns % SECOND_NS};
}

static void note(struct cr_wait *wait, int64_t timeout_ns)
{
    wait->deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + timeout_ns;
    wait->socket = -1;
    wait->interrupted = 0;
    wait->magic = CR_WAIT_MAGIC;
    wait->outer = cr_wait_current;
    cr_wait_current = wait;
}

static void forget(struct cr_wait *wait)
{
    wait->magic = 0;
    cr_wait_current = wait->outer;
}

static int64_t left(const struct cr_wait *wait)
{
    int64_t ns = wait->deadline - cr_sys_clock_ns(CLOCK_MONOTONIC);

    return ns > 0 ? ns : 0;
}

/* Rounded up: a wait never ends before its time. */
static int left_ms(const struct cr_wait *wait)
{
    return (int)((left(wait) + MILLI_NS - 1) / MILLI_NS);
}

/* Whether a call that has ended with EINTR was ended by a stop alone; then it is made again. */
static int again(struct cr_wait *wait)
{
    uint32_t interrupted = wait->interrupted;

    wait->interrupted = 0;
    return interrupted != 0;
}

CR_WRAPPER int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct cr_wait wait;
    int n;

    if (timeout <= 0)
        return CR_NEXT(poll)(fds, count, timeout);
    note(&wait, timeout * MILLI_NS);
    do
        n = CR_NEXT(poll)(fds, count, left_ms(&wait));
    while (n < 0 && errno == EINTR && again(&wait));
    forget(&wait);
    return n;
}

CR_WRAPPER int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout,
                           const sigset_t *set)
{
    struct cr_wait wait;
    sigset_t copy;
    int n;

    if (set != NULL) {
        copy = *set;
        sigdelset(&copy, CR_STOP_SIGNAL);
        set = &copy;
    }
    if (timeout <= 0)
        return CR_NEXT(epoll_pwait)(fd, events, max, timeout, set);
    note(&wait, timeout * MILLI_NS);
    do
        n = CR_NEXT(epoll_pwait)(fd, events, max, left_ms(&wait), set);
    while (n < 0 && errno == EINTR && again(&wait));
    forget(&wait);
    return n;
}

CR_WRAPPER int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    return epoll_pwait(fd, events, max, timeout, NULL);
}

/* Returns 0 or an errno, and what was left in REST. */
static int sleep_ns(int64_t ns, struct timespec *rest)
{
    struct timespec now_left;
    struct cr_wait wait;
    int rc;

    note(&wait, ns);
    do {
        now_left = from_ns(left(&wait));
        rc = CR_NEXT(clock_nanosleep)(CLOCK_MONOTONIC, 0, &now_left, NULL);
    } while (rc == EINTR && again(&wait));
    if (rc == EINTR && rest != NULL)
        *rest = from_ns(left(&wait));
    forget(&wait);
    return rc;
}

static int is_valid(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < SECOND_NS;
}

CR_WRAPPER int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                               struct timespec *rest)
{
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) || (flags & TIMER_ABSTIME) != 0 ||
        request == NULL || !is_valid(request))
        return CR_NEXT(clock_nanosleep)(clock, flags, request, rest);
    return sleep_ns(to_ns(request), rest);
}

CR_WRAPPER int nanosleep(const struct timespec *request, struct timespec *rest)
{
    int rc = clock_nanosleep(CLOCK_REALTIME, 0, request, rest);

    if (rc == 0)
        return 0;
    errno = rc;
    return -1;
}

CR_WRAPPER int usleep(useconds_t micros)
{
    int rc = sleep_ns((int64_t)micros * 1000, NULL);

    if (rc == 0)
        return 0;
    errno = rc;
    return -1;
}

CR_WRAPPER unsigned sleep(unsigned seconds)
{
    struct timespec rest = {0, 0};

    if (sleep_ns(seconds * SECOND_NS, &rest) == 0)
        return 0;
    return (unsigned)(rest.tv_sec + (rest.tv_nsec >= SECOND_NS / 2));
}

CR_WRAPPER int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    struct timespec now_left;
    struct cr_wait wait;
    sigset_t copy = *set;
    int rc;

    sigdelset(&copy, CR_STOP_SIGNAL);
    if (timeout == NULL || !is_valid(timeout) || to_ns(timeout) == 0)
        return CR_NEXT(sigtimedwait)(&copy, info, timeout);
    note(&wait, to_ns(timeout));
    do {
        now_left = from_ns(left(&wait));
        rc = CR_NEXT(sigtimedwait)(&copy, info, &now_left);
    } while (rc < 0 && errno == EINTR && again(&wait));
    forget(&wait);
    return rc;
}

CR_WRAPPER int semtimedop(int id, struct sembuf *operations, size_t count,
                          const struct timespec *timeout)
{
    struct timespec now_left;
    struct cr_wait wait;
    int rc;

    if (timeout == NULL || !is_valid(timeout))
        return cr_preload_semtimedop(id, operations, count, timeout);
    note(&wait, to_ns(timeout));
    do {
        now_left = from_ns(left(&wait));
        rc = cr_preload_semtimedop(id, operations, count, &now_left);
    } while (rc < 0 && errno == EINTR && again(&wait));
    forget(&wait);
    return rc;
}
