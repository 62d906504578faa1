/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "socket_calls.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int socket_fds[2], timed_fds[2], listener;
static struct sockaddr_in address = {.sin_family = AF_INET};

void socket_calls_make_objects(void)
{
    socklen_t length = sizeof(address);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, timed_fds) < 0)
        exit(3);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener, (struct sockaddr *)&address, sizeof(address));
    listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&address, &length);
}

void socket_calls_satisfy(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    connect(fd, (struct sockaddr *)&address, sizeof(address));
    if (write(socket_fds[1], "x", 1) != 1 || write(timed_fds[1], "x", 1) != 1)
        exit(3);
}

long call_recv(void)
{
    char c;
    return recv(socket_fds[0], &c, 1, 0) - 1;
}
/* A socket to which nobody ever writes, the other end of which is never read. */
static int quiet_socket(int option, long seconds)
{
    struct timeval t = {seconds, 200000};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;
    setsockopt(fds[0], SOL_SOCKET, option, &t, sizeof(t));
    return fds[0];
}
static long expect_again(long result)
{
    return result < 0 && errno == EAGAIN ? 0 : -1;
}
long call_recv_timed(void)
{
    char c;
    return expect_again(recv(quiet_socket(SO_RCVTIMEO, 1), &c, 1, 0));
}
long call_read_timed(void)
{
    char c;
    return expect_again(read(quiet_socket(SO_RCVTIMEO, 1), &c, 1));
}
static long call_recv_noted(int fd)
{
    char c;
    struct iovec piece = {&c, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return recvmsg(fd, &message, 0);
}
static long handler_result;
static void receive_in_handler(int number)
{
    (void)number;
    handler_result = expect_again(call_recv_noted(quiet_socket(SO_RCVTIMEO, 1)));
}
/*
 * The call that the handler interrupts has a timeout and a note of its own. A signal that comes while the thread stands still
 * counts as one that came before the call, which then ends by its timeout.
 */
long call_recvmsg_inside(void)
{
    struct itimerspec soon = {.it_value = {0, 50000000}}; /* in the call, also on a busy machine */
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 3};
    struct timeval outer = {0, 500000};
    int fd = quiet_socket(SO_RCVTIMEO, 1);
    timer_t timer;
    char c;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &outer, sizeof(outer));
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    signal(SIGRTMIN + 3, receive_in_handler);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &soon, NULL);
    handler_result = -1;
    if (recv(fd, &c, 1, 0) >= 0 || (errno != EINTR && errno != EAGAIN))
        return -1;
    return handler_result;
}
long call_accept_timed(void)
{
    struct timeval t = {1, 200000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    listen(fd, 1);
    return expect_again(accept(fd, NULL, NULL));
}
/* Fills the buffer first. */
long call_send_timed(void)
{
    static const char bytes[4096];
    int fd = quiet_socket(SO_SNDTIMEO, 1);
    while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    return expect_again(send(fd, bytes, sizeof(bytes), 0));
}
long call_recv_in_time(void)
{
    struct timeval t = {10, 0};
    char c;
    setsockopt(timed_fds[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    return recv(timed_fds[0], &c, 1, 0) - 1;
}
long call_accept(void)
{
    return accept(listener, NULL, NULL) >= 0 ? 0 : -1;
}
