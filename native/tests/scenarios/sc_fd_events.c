/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* eventfds keep their count and kind, signalfds their mask. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

static int awaited;
static uint64_t late;

static uint64_t take(int fd)
{
    uint64_t value = 0;

    if (read(fd, &value, sizeof(value)) != sizeof(value))
        sc_fail("read eventfd %d: %s", fd, strerror(errno));
    return value;
}

static void *take_late(void *argument)
{
    (void)argument;
    late = take(awaited);
    return NULL;
}

static void expect_nothing(int fd)
{
    uint64_t value;

    if (read(fd, &value, sizeof(value)) != -1 || errno != EAGAIN)
        sc_fail("descriptor %d holds something", fd);
}

static void check_signals(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info) || info.ssi_signo != SIGUSR1)
        sc_fail("the signal that was pending is lost");
    kill(getpid(), SIGUSR2);
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info) || info.ssi_signo != SIGUSR2)
        sc_fail("the mask of the signalfd is another one");
}

int main(int argc, char **argv)
{
    int counter = eventfd(0, EFD_NONBLOCK);
    int semaphore = eventfd(3, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK);
    int full = eventfd(0, EFD_NONBLOCK);
    uint64_t value = UINT64_MAX - 1;
    pthread_t thread;
    sigset_t mask;
    int signals;

    sc_init(argc, argv, "eventfds and signalfds are kept");
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signals = signalfd(-1, &mask, SFD_NONBLOCK);
    awaited = eventfd(0, 0);
    if (write(full, &value, sizeof(value)) != sizeof(value))
        sc_fail("write: %s", strerror(errno));
    value = 41;
    if (write(counter, &value, sizeof(value)) != sizeof(value))
        sc_fail("write: %s", strerror(errno));
    dup2(counter, 1500);
    pthread_create(&thread, NULL, take_late, NULL);
    kill(getpid(), SIGUSR1);
    sc_ready();
    sc_wait();
    if (take(dup(1500) >= 0 ? 1500 : counter) != 41)
        sc_fail("the count of an eventfd is another one");
    expect_nothing(counter);
    if (take(semaphore) != 1 || take(semaphore) != 1 || take(semaphore) != 1)
        sc_fail("a semaphore is none any more");
    expect_nothing(semaphore);
    if (fcntl(semaphore, F_GETFD) != FD_CLOEXEC)
        sc_fail("close-on-exec is lost");
    if (take(full) != UINT64_MAX - 1)
        sc_fail("the largest count is lost");
    value = 7;
    if (write(awaited, &value, sizeof(value)) != sizeof(value))
        sc_fail("write: %s", strerror(errno));
    pthread_join(thread, NULL);
    if (late != 7)
        sc_fail("who waited for an eventfd got %lu", (unsigned long)late);
    check_signals(signals);
    sc_pass();
}
