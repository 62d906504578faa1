/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a TCP connection that both have more to say than its buffers take: "server 4|6" prints its port, "client PORT 4|6"
 * fills its side, says so, and goes on when there is a file "client-go"; the server reads when there is "server-go". Each knows
 * what the other one has to say. The client ends with "ok", or with "reset" and status 3.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FROM_SERVER 40000
#define FROM_CLIENT 16000000
#define HEARD 1000000 /* more than the buffer of who hears it */
#define DEADLINE 120

static void fail(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static char at_place(size_t place, int seed)
{
    return (char)((place * 2654435761U + (unsigned)seed) >> 11);
}

static void fill(char *data, size_t from, size_t size, int seed)
{
    for (size_t i = 0; i < size; i++)
        data[i] = at_place(from + i, seed);
}

static void await_file(const char *name)
{
    const struct timespec step = {0, 10000000};

    for (int i = 0; access(name, F_OK) != 0; i++) {
        if (i == DEADLINE * 100)
            exit(2);
        nanosleep(&step, NULL);
    }
}

static void reset(void)
{
    printf("reset\n");
    exit(3);
}

static void read_all(int fd, size_t size, int seed)
{
    static char data[65536];

    for (size_t done = 0; done < size;) {
        size_t room = size - done < sizeof(data) ? size - done : sizeof(data);
        ssize_t n = recv(fd, data, room, 0);

        if (n <= 0 && (n == 0 || errno == ECONNRESET))
            reset();
        if (n < 0)
            fail("recv");
        for (ssize_t i = 0; i < n; i++)
            if (data[i] != at_place(done + (size_t)i, seed)) {
                printf("wrong byte at %zu\n", done + (size_t)i);
                exit(1);
            }
        if (done < HEARD && done + (size_t)n >= HEARD)
            printf("heard %d bytes\n", HEARD);
        done += (size_t)n;
    }
}

/* Returns how much was taken before it would have blocked. */
static size_t write_all(int fd, size_t from, size_t to, int seed)
{
    static char data[10000];

    while (from < to) {
        size_t size = to - from < sizeof(data) ? to - from : sizeof(data);
        ssize_t n;

        fill(data, from, size, seed);
        n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0 && (errno == ECONNRESET || errno == EPIPE))
            reset();
        if (n < 0)
            fail("send");
        from += (size_t)n;
    }
    return from;
}

static socklen_t loopback(struct sockaddr_storage *at, int version, int port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)at;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)at;

    memset(at, 0, sizeof(*at));
    if (version == 4) {
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons((uint16_t)port);
        return sizeof(*in);
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_addr = in6addr_loopback;
    in6->sin6_port = htons((uint16_t)port);
    return sizeof(*in6);
}

static int serve(int version)
{
    struct sockaddr_storage at;
    socklen_t size = loopback(&at, version, 0);
    int listener = socket(at.ss_family, SOCK_STREAM, 0);
    int small = 65536;
    char rest;
    int fd;

    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 1) != 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("port %d\n", ntohs(((struct sockaddr_in *)&at)->sin_port));
    fd = accept(listener, NULL, NULL);
    close(listener);
    write_all(fd, 0, FROM_SERVER, 1);
    printf("sent\n");
    await_file("server-go");
    read_all(fd, FROM_CLIENT, 2);
    if (send(fd, "d", 1, MSG_NOSIGNAL) != 1 || recv(fd, &rest, 1, 0) != 0)
        fail("end");
    printf("ok\n");
    return 0;
}

static int ask(int port, int version)
{
    struct sockaddr_storage at;
    socklen_t size = loopback(&at, version, port);
    int fd = socket(at.ss_family, SOCK_STREAM, 0);
    size_t said;
    char end;

    if (connect(fd, (struct sockaddr *)&at, size) != 0)
        fail("connect");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    said = write_all(fd, 0, FROM_CLIENT, 2);
    printf("ready, %zu of %d said\n", said, FROM_CLIENT);
    await_file("client-go");
    fcntl(fd, F_SETFL, 0);
    read_all(fd, FROM_SERVER, 1);
    write_all(fd, said, FROM_CLIENT, 2);
    if (recv(fd, &end, 1, 0) != 1)
        reset();
    printf("ok\n");
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return serve(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "client") == 0)
        return ask(atoi(argv[2]), atoi(argv[3]));
    return 2;
}
