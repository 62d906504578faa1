/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP connection to a process that is not saved: a program that goes on keeps it; a restarted one reads what had arrived, and
 * then sees a reset.
 */
#include "sc_sock.h"

#include <arpa/inet.h>
#include <sys/wait.h>

/* Nobody's child and in no group of the program's: echoes until the connection ends. */
static void serve(int listener)
{
    char data[64];
    ssize_t n;
    int fd;

    if (setsid() < 0 || fork() != 0)
        _exit(0);
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) >= 0)
            close(i);
    fd = accept(listener, NULL, NULL);
    close(listener);
    if (send(fd, "hello", 5, MSG_NOSIGNAL) != 5)
        _exit(1);
    alarm(120);
    while ((n = recv(fd, data, sizeof(data), 0)) > 0)
        if (send(fd, data, (size_t)n, MSG_NOSIGNAL) != n)
            break;
    _exit(0);
}

static int start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd events = {fd, POLLIN, 0};
    pid_t pid;

    CHECK(bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&at, &size) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(fd);
        serve(listener);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    close(listener);
    CHECK(connect(fd, (struct sockaddr *)&at, size) == 0);
    CHECK(poll(&events, 1, 10000) == 1);
    return fd;
}

int main(int argc, char **argv)
{
    char data[64];
    ssize_t n;
    int fd;

    sc_init(argc, argv, "a TCP connection to the outside");
    fd = start();
    sc_ready();
    sc_wait();
    CHECK(recv(fd, data, sizeof(data), 0) == 5 && memcmp(data, "hello", 5) == 0);
    if (send(fd, "again", 5, MSG_NOSIGNAL) == 5) { /* it went on */
        CHECK(recv(fd, data, sizeof(data), 0) == 5 && memcmp(data, "again", 5) == 0);
        sc_pass();
    }
    CHECK(errno == ECONNRESET || errno == EPIPE);
    n = recv(fd, data, sizeof(data), 0);
    CHECK(n <= 0);
    CHECK(recv(fd, data, sizeof(data), 0) == 0);
    sc_pass();
}
