/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* epoll instances keep their members, also those that are registered under a number that is gone. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int outer, inner, waited, wake;
static uint64_t woken_by;

static void add(int epoll, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        sc_fail("epoll_ctl %d: %s", fd, strerror(errno));
}

static void set(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) != sizeof(one))
        sc_fail("write: %s", strerror(errno));
}

static void take(int fd)
{
    uint64_t value;

    if (read(fd, &value, sizeof(value)) != sizeof(value))
        sc_fail("read: %s", strerror(errno));
}

/* The only event there is. */
static void expect(int epoll, uint64_t data, uint32_t events, const char *what)
{
    struct epoll_event got[8];
    int n = epoll_wait(epoll, got, 8, 0);

    if (data == 0 && n == 0)
        return;
    if (n != 1 || got[0].data.u64 != data || got[0].events != events)
        sc_fail("%s: %d events, first %lx of %lx", what, n, (unsigned long)got[0].events,
                (unsigned long)got[0].data.u64);
}

static void *wait_long(void *argument)
{
    struct epoll_event event = {0};

    (void)argument;
    if (epoll_wait(waited, &event, 1, -1) == 1)
        woken_by = event.data.u64;
    return NULL;
}

int main(int argc, char **argv)
{
    int level, edge, once, moved, moved_copy, many[200];
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 0x33};
    pthread_t thread;

    sc_init(argc, argv, "epoll instances are kept");
    outer = epoll_create1(EPOLL_CLOEXEC);
    inner = epoll_create1(0);
    waited = epoll_create1(0);
    wake = eventfd(0, EFD_NONBLOCK);
    level = eventfd(0, EFD_NONBLOCK);
    edge = eventfd(0, EFD_NONBLOCK);
    once = eventfd(0, EFD_NONBLOCK);
    moved = eventfd(0, EFD_NONBLOCK);
    add(outer, level, EPOLLIN, 0xdeadbeefcafe1111);
    add(outer, edge, EPOLLIN | EPOLLET, 0x22);
    add(outer, once, EPOLLIN | EPOLLONESHOT, 0x33);
    add(outer, inner, EPOLLIN, 0x44);
    add(inner, moved, EPOLLIN | EPOLLRDHUP, 0x55);
    moved_copy = fcntl(moved, F_DUPFD, 300);
    close(moved);
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) != moved)
        sc_fail("the number is not used again");
    for (int i = 0; i < 200; i++) {
        many[i] = eventfd(0, EFD_NONBLOCK);
        add(inner, many[i], EPOLLIN, 1000 + (unsigned)i);
    }
    set(once);
    expect(outer, 0x33, EPOLLIN, "before");
    add(waited, wake, EPOLLIN, 0x66);
    pthread_create(&thread, NULL, wait_long, NULL);
    sc_ready();
    sc_wait();
    expect(outer, 0, 0, "a member that is disarmed");
    set(level);
    expect(outer, 0xdeadbeefcafe1111, EPOLLIN, "level");
    expect(outer, 0xdeadbeefcafe1111, EPOLLIN, "level again");
    take(level);
    set(edge);
    expect(outer, 0x22, EPOLLIN, "edge");
    expect(outer, 0, 0, "edge again");
    if (epoll_ctl(outer, EPOLL_CTL_MOD, once, &event) != 0)
        sc_fail("epoll_ctl: %s", strerror(errno));
    expect(outer, 0x33, EPOLLIN, "armed again");
    set(moved_copy);
    expect(inner, 0x55, EPOLLIN, "registered under a number that is gone");
    expect(outer, 0x44, EPOLLIN, "nested");
    take(moved_copy);
    if (fcntl(moved, F_GETFD) != FD_CLOEXEC)
        sc_fail("close-on-exec of the number's new owner is lost");
    set(many[199]);
    expect(inner, 1199, EPOLLIN, "the last of many");
    set(wake);
    pthread_join(thread, NULL);
    if (woken_by != 0x66)
        sc_fail("who waited was not woken");
    sc_pass();
}
