/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

int cr_loop_create(struct cr_loop *ret_loop)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return -errno;
    ret_loop->epoll = fd;
    return 0;
}

int cr_loop_add(struct cr_loop *loop, struct cr_watch *watch, int fd, uint32_t events,
                cr_watch_fn ready)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    *watch = (struct cr_watch){fd, ready};
    return 0;
}

void cr_loop_change(struct cr_loop *loop, struct cr_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void cr_loop_close(struct cr_loop *loop, struct cr_watch *watch)
{
    if (watch->fd < 0)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    close(watch->fd);
    watch->fd = -1;
}

int cr_loop_release(struct cr_loop *loop, struct cr_watch *watch)
{
    int fd = watch->fd;

    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
    watch->fd = -1;
    return fd;
}

int cr_loop_step(struct cr_loop *loop, int64_t deadline)
{
    struct epoll_event event;
    int64_t left = deadline - cr_loop_now_ms();
    struct cr_watch *watch;
    int n;

    if (left < 0)
        left = 0;
    /* One event at a time: a function that closes other watches leaves no event behind that points to them. */
    n = epoll_wait(loop->epoll, &event, 1,
                   deadline == INT64_MAX || left > INT_MAX ? -1 : (int)left);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n == 0)
        return 0;
    watch = event.data.ptr;
    watch->ready(watch, event.events);
    return 0;
}

int64_t cr_loop_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
