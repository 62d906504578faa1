/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Calls on sockets whose timeout is an option of the socket: the wrappers note when
 * the call began (cr_wait.h), and the stop handler does the rest (cr_park_socket.h). read() and
 * write() are left alone: too much calls them, and without a note their time counts from the first
 * stop. A process that never sets such an option pays one load and one branch.
 */
#include "cr_preload.h"
#include "cr_sys.h"
#include "cr_wait.h"

#include <errno.h>
#include <sys/socket.h>

static volatile int timeouts_in_use;

static void note(struct cr_wait *wait, int fd)
{
    wait->deadline = cr_sys_clock_ns(CLOCK_MONOTONIC);
    wait->socket = fd;
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

/* Returns what libc's own function NAME answers to ARGUMENTS, the first of which is FD. */
#define NOTED(fd, name, ...)                                                                       \
    ({                                                                                             \
        __typeof__(name) *next = CR_NEXT(name);                                                    \
        struct cr_wait noted;                                                                      \
        __typeof__(name(__VA_ARGS__)) result;                                                      \
        if (!timeouts_in_use)                                                                      \
            return next(__VA_ARGS__);                                                              \
        note(&noted, fd);                                                                          \
        result = next(__VA_ARGS__);                                                                \
        forget(&noted);                                                                            \
        result;                                                                                    \
    })

CR_WRAPPER int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO))
        timeouts_in_use = 1;
    return CR_NEXT(setsockopt)(fd, level, option, value, size);
}

CR_WRAPPER ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    return NOTED(fd, recv, fd, buffer, size, flags);
}

CR_WRAPPER ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, __SOCKADDR_ARG from,
                            socklen_t *length)
{
    return NOTED(fd, recvfrom, fd, buffer, size, flags, from, length);
}

CR_WRAPPER ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return NOTED(fd, recvmsg, fd, message, flags);
}

CR_WRAPPER int accept(int fd, __SOCKADDR_ARG peer, socklen_t *length)
{
    return NOTED(fd, accept, fd, peer, length);
}

CR_WRAPPER int accept4(int fd, __SOCKADDR_ARG peer, socklen_t *length, int flags)
{
    return NOTED(fd, accept4, fd, peer, length, flags);
}

CR_WRAPPER ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    return NOTED(fd, send, fd, buffer, size, flags);
}

CR_WRAPPER ssize_t sendto(int fd, const void *buffer, size_t size, int flags,
                          __CONST_SOCKADDR_ARG to, socklen_t length)
{
    return NOTED(fd, sendto, fd, buffer, size, flags, to, length);
}

CR_WRAPPER ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return NOTED(fd, sendmsg, fd, message, flags);
}

CR_WRAPPER int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t length)
{
    return NOTED(fd, connect, fd, to, length);
}
