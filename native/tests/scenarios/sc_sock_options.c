/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Options and buffers of Unix sockets, and credentials with messages that wait. */
#include "sc_sock.h"

#include <sys/time.h>

static int fds[2], credentials[2];

static void set(int fd, int name, const void *value, size_t size)
{
    CHECK(setsockopt(fd, SOL_SOCKET, name, value, (socklen_t)size) == 0);
}

static void set_int(int fd, int name, int value)
{
    set(fd, name, &value, sizeof(value));
}

static struct ucred receive_credentials(int fd)
{
    char byte;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct ucred sender;

    CHECK(recvmsg(fd, &message, MSG_DONTWAIT) == 1 && byte == 'c');
    CHECK(message.msg_controllen >= CMSG_LEN(sizeof(sender)) &&
          control.head.cmsg_type == SCM_CREDENTIALS);
    memcpy(&sender, CMSG_DATA(&control.head), sizeof(sender));
    return sender;
}

/* As those of a message that the process sends now. */
static void check_credentials(void)
{
    struct ucred then = receive_credentials(credentials[1]);
    struct ucred now;

    CHECK(write(credentials[0], "c", 1) == 1);
    now = receive_credentials(credentials[1]);
    CHECK(then.pid == now.pid && then.uid == now.uid && then.gid == now.gid);
}

int main(int argc, char **argv)
{
    const struct timeval receive = {3, 500000};
    const struct timeval send_time = {7, 250000};
    const struct linger linger = {1, 9};
    struct timeval have;
    struct linger have_linger;
    socklen_t size = sizeof(have);
    int buffer[2];

    sc_init(argc, argv, "options and buffers of Unix sockets");
    sc_pair(SOCK_STREAM, fds);
    set_int(fds[0], SO_SNDBUF, 30000);
    set_int(fds[1], SO_RCVBUF, 50000);
    set(fds[0], SO_RCVTIMEO, &receive, sizeof(receive));
    set(fds[0], SO_SNDTIMEO, &send_time, sizeof(send_time));
    set(fds[0], SO_LINGER, &linger, sizeof(linger));
    set_int(fds[0], SO_PRIORITY, 3);
    set_int(fds[1], SO_TIMESTAMP, 1);
    set_int(fds[1], SO_RCVLOWAT, 17);
    set_int(fds[1], SO_PEEK_OFF, 4);
    buffer[0] = sc_option(fds[0], SOL_SOCKET, SO_SNDBUF);
    buffer[1] = sc_option(fds[1], SOL_SOCKET, SO_RCVBUF);
    sc_send_pattern(fds[0], 25000, 3);
    sc_pair(SOCK_STREAM, credentials);
    set_int(credentials[1], SO_PASSCRED, 1);
    CHECK(write(credentials[0], "c", 1) == 1);
    sc_ready();
    sc_wait();
    CHECK(sc_option(fds[0], SOL_SOCKET, SO_SNDBUF) == buffer[0]);
    CHECK(sc_option(fds[1], SOL_SOCKET, SO_RCVBUF) == buffer[1]);
    CHECK(getsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &have, &size) == 0 && have.tv_sec == 3);
    CHECK(getsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &have, &size) == 0 && have.tv_sec == 7);
    size = sizeof(have_linger);
    CHECK(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &have_linger, &size) == 0 &&
          have_linger.l_onoff == 1 && have_linger.l_linger == 9);
    CHECK(sc_option(fds[0], SOL_SOCKET, SO_PRIORITY) == 3);
    CHECK(sc_option(fds[1], SOL_SOCKET, SO_TIMESTAMP) == 1);
    CHECK(sc_option(fds[1], SOL_SOCKET, SO_RCVLOWAT) == 17);
    CHECK(sc_option(fds[1], SOL_SOCKET, SO_PEEK_OFF) == 4);
    CHECK(sc_option(credentials[1], SOL_SOCKET, SO_PASSCRED) == 1);
    sc_expect_pattern(fds[1], 25000, 3);
    check_credentials();
    sc_pass();
}
