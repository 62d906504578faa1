/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that wait in calls on sockets go on waiting: nothing is lost, nothing fails. */
#include "sc_sock.h"

#include <arpa/inet.h>

enum { RECEIVE, SEND, ACCEPT_UNIX, ACCEPT_TCP, RECEIVE_UDP, RECEIVE_TCP, CALLS };

static int fds[CALLS], partners[CALLS];
static ssize_t results[CALLS];
static char received[CALLS];
static struct sockaddr_un path;
static socklen_t path_size;
static struct sockaddr_in tcp, udp;

static void *receive(void *which)
{
    int i = (int)(intptr_t)which;

    results[i] = recv(fds[i], &received[i], 1, 0);
    return NULL;
}

static void *send_more(void *which)
{
    int i = (int)(intptr_t)which;

    results[i] = send(fds[i], "s", 1, MSG_NOSIGNAL);
    return NULL;
}

static void *accept_one(void *which)
{
    int i = (int)(intptr_t)which;

    results[i] = accept(fds[i], NULL, NULL);
    return NULL;
}

static int listen_tcp(int type, struct sockaddr_in *name)
{
    socklen_t size = sizeof(*name);
    int fd = socket(AF_INET, type, 0);

    name->sin_family = AF_INET;
    name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
    CHECK(bind(fd, (struct sockaddr *)name, size) == 0);
    CHECK(type == SOCK_DGRAM || listen(fd, 3) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)name, &size) == 0);
    return fd;
}

static size_t fill(int fd)
{
    char block[1000] = "";
    size_t size = 0;
    ssize_t n;

    while ((n = send(fd, block, sizeof(block), MSG_DONTWAIT)) > 0)
        size += (size_t)n;
    return size;
}

static size_t set_up(void)
{
    int pair[2];

    sc_pair(SOCK_STREAM, pair);
    fds[RECEIVE] = pair[0];
    partners[RECEIVE] = pair[1];
    sc_pair(SOCK_STREAM, pair);
    fds[SEND] = pair[0];
    partners[SEND] = pair[1];
    path_size = sc_path(&path, "listener");
    fds[ACCEPT_UNIX] = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fds[ACCEPT_UNIX], (struct sockaddr *)&path, path_size) == 0);
    CHECK(listen(fds[ACCEPT_UNIX], 3) == 0);
    fds[ACCEPT_TCP] = listen_tcp(SOCK_STREAM, &tcp);
    fds[RECEIVE_UDP] = listen_tcp(SOCK_DGRAM, &udp);
    partners[RECEIVE_TCP] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(partners[RECEIVE_TCP], (struct sockaddr *)&tcp, sizeof(tcp)) == 0);
    fds[RECEIVE_TCP] = accept(fds[ACCEPT_TCP], NULL, NULL);
    return fill(fds[SEND]);
}

static void wake_all(size_t filling)
{
    char byte;
    int fd;

    CHECK(send(partners[RECEIVE], "u", 1, 0) == 1);
    for (size_t i = 0; i <= filling; i++)
        CHECK(recv(partners[SEND], &byte, 1, 0) == 1);
    CHECK(byte == 's');
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&path, path_size) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&tcp, sizeof(tcp)) == 0);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sendto(fd, "d", 1, 0, (struct sockaddr *)&udp, sizeof(udp)) == 1);
    CHECK(send(partners[RECEIVE_TCP], "t", 1, 0) == 1);
}

int main(int argc, char **argv)
{
    static void *(*const RUN[CALLS])(void *) = {receive,    send_more, accept_one,
                                                accept_one, receive,   receive};
    pthread_t threads[CALLS];
    size_t filling;

    sc_init(argc, argv, "threads waiting in calls on sockets");
    filling = set_up();
    for (int i = 0; i < CALLS; i++)
        pthread_create(&threads[i], NULL, RUN[i], (void *)(intptr_t)i);
    sc_ready();
    sc_wait();
    wake_all(filling);
    for (int i = 0; i < CALLS; i++)
        pthread_join(threads[i], NULL);
    CHECK(results[RECEIVE] == 1 && received[RECEIVE] == 'u');
    CHECK(results[SEND] == 1);
    CHECK(results[ACCEPT_UNIX] > 2 && results[ACCEPT_TCP] > 2);
    CHECK(results[RECEIVE_UDP] == 1 && received[RECEIVE_UDP] == 'd');
    CHECK(results[RECEIVE_TCP] == 1 && received[RECEIVE_TCP] == 't');
    sc_pass();
}
