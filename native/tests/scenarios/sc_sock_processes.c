/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets between a parent and its child: pairs and connections of which each has one end, with data in both directions, a
 * listening socket that both have, and a connection that waits.
 */
#include "sc_sock.h"

#include <arpa/inet.h>
#include <sys/wait.h>

#define KINDS 5

static int parent_ends[KINDS], child_ends[KINDS];
static int listener, waiting;
static struct sockaddr_un path;
static socklen_t path_size;

static void make_unix(int i)
{
    parent_ends[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(parent_ends[i], (struct sockaddr *)&path, path_size) == 0);
    child_ends[i] = accept(listener, NULL, NULL);
    CHECK(child_ends[i] >= 0);
}

static void make_tcp(int i)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int tcp = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
    CHECK(bind(tcp, (struct sockaddr *)&at, size) == 0 && listen(tcp, 3) == 0);
    CHECK(getsockname(tcp, (struct sockaddr *)&at, &size) == 0);
    parent_ends[i] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(parent_ends[i], (struct sockaddr *)&at, size) == 0);
    child_ends[i] = accept(tcp, NULL, NULL);
    CHECK(child_ends[i] >= 0);
    close(tcp);
}

static void make_all(void)
{
    static const int TYPES[3] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

    path_size = sc_path(&path, "listener");
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&path, path_size) == 0 && listen(listener, 4) == 0);
    for (int i = 0; i < 3; i++) {
        int fds[2];

        sc_pair(TYPES[i], fds);
        parent_ends[i] = fds[0];
        child_ends[i] = fds[1];
    }
    make_unix(3);
    make_tcp(4);
    waiting = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(waiting, (struct sockaddr *)&path, path_size) == 0);
}

/* The child answers when it is asked, after it has read what was sent before. */
static void child(void)
{
    int fd;

    for (int i = 0; i < KINDS; i++) {
        close(parent_ends[i]);
        sc_send_pattern(child_ends[i], 700, 20 + (unsigned)i);
    }
    close(waiting);
    CHECK(write(child_ends[0], "r", 1) == 1);
    sc_wait();
    for (int i = 0; i < KINDS; i++)
        sc_expect_pattern(child_ends[i], 500, 10 + (unsigned)i);
    fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    sc_send_pattern(fd, 90, 3);
    for (int i = 0; i < KINDS; i++)
        sc_send_pattern(child_ends[i], 60, 40 + (unsigned)i);
    _exit(33);
}

static void parent(pid_t pid)
{
    struct pollfd events = {parent_ends[0], POLLIN, 0};
    char byte;
    int status;

    for (int i = 0; i < KINDS; i++) {
        close(child_ends[i]);
        sc_send_pattern(parent_ends[i], 500, 10 + (unsigned)i);
    }
    while (recv(parent_ends[0], NULL, 0, MSG_PEEK | MSG_TRUNC) < 701 &&
           poll(&events, 1, 5000) == 1) {
        char all[800];
        if (recv(parent_ends[0], all, sizeof(all), MSG_PEEK) >= 701)
            break;
    }
    sc_ready();
    sc_wait();
    sc_expect_pattern(parent_ends[0], 700, 20);
    CHECK(read(parent_ends[0], &byte, 1) == 1 && byte == 'r');
    for (int i = 1; i < KINDS; i++)
        sc_expect_pattern(parent_ends[i], 700, 20 + (unsigned)i);
    sc_expect_pattern(waiting, 90, 3);
    for (int i = 0; i < KINDS; i++)
        sc_expect_pattern(parent_ends[i], 60, 40 + (unsigned)i);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 33);
}

int main(int argc, char **argv)
{
    pid_t pid;

    sc_init(argc, argv, "sockets between processes");
    make_all();
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child();
    parent(pid);
    sc_pass();
}
