/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_park_socket.h"

#include "cr_sys.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SECOND_NS 1000000000LL
#define MICRO_NS 1000LL

/* The option that limits the call, or 0. */
static int timeout_option(int64_t number)
{
    switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept:
    case SYS_accept4:
        return SO_RCVTIMEO;
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_connect:
        return SO_SNDTIMEO;
    default:
        return 0;
    }
}

/* In ns; 0: none, or FD is no socket. */
static int64_t socket_timeout(int fd, int option)
{
    struct timeval t = {0, 0};
    socklen_t size = sizeof(t);

    if (cr_sys(SYS_getsockopt, fd, SOL_SOCKET, option, &t, &size) < 0)
        return 0;
    if (t.tv_sec > INT32_MAX)
        return 0;
    return t.tv_sec * SECOND_NS + t.tv_usec * MICRO_NS;
}

void cr_park_socket_look(const struct cr_call *call, const struct cr_wait *noted,
                         struct cr_park_socket *s)
{
    int option = timeout_option(call->number);
    int fd = (int)call->args[0];
    int64_t timeout = option != 0 ? socket_timeout(fd, option) : 0;

    s->deadline = 0;
    if (timeout == 0)
        return;
    s->ready = (struct pollfd){fd, option == SO_RCVTIMEO ? POLLIN : POLLOUT, 0};
    /* A call that a signal handler makes inside the noted one may be on another socket. */
    if (noted != NULL && noted->socket == fd)
        s->deadline = noted->deadline + timeout;
    else
        s->deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + timeout;
}

void cr_park_socket_prepare(struct cr_park_socket *s, struct cr_continue *more)
{
    int64_t left = s->deadline - cr_sys_clock_ns(CLOCK_MONOTONIC);

    /* Even when it is late: what has arrived in time is not refused. */
    if (left < 0)
        left = 0;
    s->left = (struct timespec){left / SECOND_NS, left % SECOND_NS};
    more->number = SYS_ppoll;
    more->args[0] = (uint64_t)&s->ready;
    more->args[1] = 1;
    more->args[2] = (uint64_t)&s->left;
    more->args[3] = 0;
}

long cr_park_socket_late(const struct cr_call *call)
{
    return call->number == SYS_connect ? -EINPROGRESS : -EAGAIN;
}
