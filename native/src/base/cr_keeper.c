/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_keeper.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_SECONDS 10

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

size_t cr_keeper_name(uint64_t number, struct sockaddr_un *name)
{
    size_t length;

    memset(name, 0, sizeof(*name));
    name->sun_family = AF_UNIX;
    length = cr_fmt(name->sun_path + 1, sizeof(name->sun_path) - 1, "quiesce/kept/%lx",
                    (unsigned long)number);
    return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

int cr_keeper_give(int socket, int fd)
{
    union control control = {0};
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    long n;

    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    n = cr_sys(SYS_sendmsg, socket, &message, MSG_NOSIGNAL);
    return n < 0 ? (int)n : 0;
}

static int receive(int socket)
{
    union control control = {0};
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    long n = cr_sys(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
    int fd;

    if (n < 0)
        return (int)n;
    if (message.msg_controllen < CMSG_LEN(sizeof(fd)) || control.head.cmsg_type != SCM_RIGHTS)
        return -ENOENT;
    memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
    return fd;
}

int cr_keeper_take(uint64_t number)
{
    const struct timeval patience = {PATIENCE_SECONDS, 0};
    struct sockaddr_un name;
    size_t size = cr_keeper_name(number, &name);
    int socket = (int)cr_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long rc;

    if (socket < 0)
        return socket;
    cr_sys(SYS_setsockopt, socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    rc = cr_sys(SYS_connect, socket, &name, size);
    if (rc >= 0)
        rc = receive(socket);
    cr_sys_close(socket);
    return (int)rc;
}
