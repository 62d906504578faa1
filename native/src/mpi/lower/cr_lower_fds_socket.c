/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal, lower half. Exported stand-ins for the C library's functions that make sockets,
 * pipes and the descriptors of Linux's own kinds.
 */
#include "cr_lower_fds.h"

#include "cr_sys.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define KERNEL_SIGSET_SIZE 8

static int result(long rc)
{
    if (rc >= 0)
        return (int)rc;
    errno = (int)-rc;
    return -1;
}

static int made(long rc)
{
    return result(cr_lower_fds_add((int)rc));
}

static int made_pair(long rc, const int fds[2])
{
    if (rc == 0) {
        cr_lower_fds_add(fds[0]);
        cr_lower_fds_add(fds[1]);
    }
    return result(rc);
}

EXPORT int socket(int domain, int type, int protocol)
{
    return made(cr_sys(SYS_socket, domain, type, protocol));
}

EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    return made_pair(cr_sys(SYS_socketpair, domain, type, protocol, fds), fds);
}

EXPORT int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return made(cr_sys(SYS_accept, fd, address, size));
}

EXPORT int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    return made(cr_sys(SYS_accept4, fd, address, size, flags));
}

EXPORT int pipe(int fds[2])
{
    return made_pair(cr_sys(SYS_pipe2, fds, 0), fds);
}

EXPORT int pipe2(int fds[2], int flags)
{
    return made_pair(cr_sys(SYS_pipe2, fds, flags), fds);
}

EXPORT int eventfd(unsigned count, int flags)
{
    return made(cr_sys(SYS_eventfd2, count, flags));
}

EXPORT int epoll_create(int size)
{
    if (size <= 0)
        return result(-EINVAL);
    return made(cr_sys(SYS_epoll_create1, 0));
}

EXPORT int epoll_create1(int flags)
{
    return made(cr_sys(SYS_epoll_create1, flags));
}

EXPORT int memfd_create(const char *name, unsigned flags)
{
    return made(cr_sys(SYS_memfd_create, name, flags));
}

EXPORT int timerfd_create(clockid_t clock, int flags)
{
    return made(cr_sys(SYS_timerfd_create, clock, flags));
}

EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
    return made(cr_sys(SYS_signalfd4, fd, mask, KERNEL_SIGSET_SIZE, flags));
}

EXPORT int inotify_init(void)
{
    return made(cr_sys(SYS_inotify_init1, 0));
}

EXPORT int inotify_init1(int flags)
{
    return made(cr_sys(SYS_inotify_init1, flags));
}
