/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP inside the process: IPv4, IPv6 and IPv4 over an IPv6 socket; connections with data in both directions, with full
 * buffers, half closed, closed, reset; a listening socket with connections that wait; names and options.
 */
#include "sc_sock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

#define SETS 3

struct set {
    int family, client_family;
    int listener, idle[2], busy[2], full[2], half[2], left, reset, waiting[2];
    struct sockaddr_storage address;
    socklen_t size;
    struct sc_names listener_names, busy_names[2], waiting_names[2];
    size_t filling;
};

static struct set sets[SETS] = {{.family = AF_INET, .client_family = AF_INET},
                                {.family = AF_INET6, .client_family = AF_INET6},
                                {.family = AF_INET6, .client_family = AF_INET}};
static int fresh, options;

static void listen_at(struct set *s)
{
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } a;
    int off = 0;

    memset(&a, 0, sizeof(a));
    s->listener = socket(s->family, SOCK_STREAM, 0);
    CHECK(s->listener >= 0);
    CHECK(setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
    a.in.sin_family = (sa_family_t)s->family;
    if (s->family == AF_INET) {
        a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (s->client_family == AF_INET6) {
        a.in6.sin6_addr = in6addr_loopback;
    } else {
        CHECK(setsockopt(s->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0);
    }
    CHECK(bind(s->listener, (struct sockaddr *)&a,
               s->family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) == 0);
    CHECK(listen(s->listener, 9) == 0);
    s->listener_names = sc_names_of(s->listener);
    memcpy(&a, &s->listener_names.name, sizeof(a));
    if (s->client_family != s->family) {
        in_port_t port = a.in6.sin6_port;

        memset(&a, 0, sizeof(a));
        a.in.sin_family = AF_INET;
        a.in.sin_port = port;
        a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    memcpy(&s->address, &a, sizeof(a));
    s->size = s->client_family == AF_INET ? sizeof(a.in) : sizeof(a.in6);
}

static int client_of(const struct set *s)
{
    int fd = socket(s->client_family, SOCK_STREAM, 0);

    CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&s->address, s->size) == 0);
    return fd;
}

static void connect_pair(const struct set *s, int fds[2])
{
    fds[0] = client_of(s);
    fds[1] = accept(s->listener, NULL, NULL);
    CHECK(fds[1] >= 0);
}

static void await_readable(int fd)
{
    struct pollfd events = {fd, POLLIN, 0};

    CHECK(poll(&events, 1, 5000) == 1);
}

static void fill(struct set *s)
{
    char block[8192];
    ssize_t n;

    memset(block, 'f', sizeof(block));
    CHECK(fcntl(s->full[0], F_SETFL, O_NONBLOCK) == 0);
    while ((n = write(s->full[0], block, sizeof(block))) > 0)
        s->filling += (size_t)n;
}

static void set_up(struct set *s)
{
    const struct linger linger = {1, 0};
    int pair[2];

    listen_at(s);
    connect_pair(s, s->idle);
    connect_pair(s, s->busy);
    sc_send_pattern(s->busy[0], 70000, 1);
    sc_send_pattern(s->busy[1], 3000, 2);
    s->busy_names[0] = sc_names_of(s->busy[0]);
    s->busy_names[1] = sc_names_of(s->busy[1]);
    connect_pair(s, s->full);
    fill(s);
    connect_pair(s, s->half);
    sc_send_pattern(s->half[0], 77, 3);
    sc_send_pattern(s->half[1], 78, 4);
    CHECK(shutdown(s->half[0], SHUT_WR) == 0);
    connect_pair(s, pair);
    sc_send_pattern(pair[1], 55, 5);
    close(pair[1]);
    s->left = pair[0];
    connect_pair(s, pair);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    close(pair[1]);
    s->reset = pair[0];
    for (int i = 0; i < 2; i++) {
        s->waiting[i] = client_of(s);
        s->waiting_names[i] = sc_names_of(s->waiting[i]);
    }
}

static void check_full(struct set *s)
{
    char block[8192];
    size_t got = 0;

    while (got < s->filling) {
        ssize_t n = read(s->full[1], block, sizeof(block));

        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            CHECK(block[i] == 'f');
        got += (size_t)n;
    }
    CHECK(got == s->filling);
    sc_expect_nothing(s->full[1]);
    CHECK(fcntl(s->full[0], F_GETFL) & O_NONBLOCK);
}

static void check_waiting(struct set *s)
{
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        int fd = accept(s->listener, (struct sockaddr *)&from, &size);
        int other = -1;

        CHECK(fd >= 0);
        for (int j = 0; j < 2; j++) {
            in_port_t port = ((struct sockaddr_in *)&from)->sin_port;

            sc_check_names(s->waiting[j], &s->waiting_names[j]);
            if (((struct sockaddr_in *)&s->waiting_names[j].name)->sin_port == port)
                other = s->waiting[j];
        }
        CHECK(other >= 0);
        sc_check_both(other, fd);
    }
    CHECK(fcntl(s->listener, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(s->listener, NULL, NULL) < 0 && errno == EAGAIN);
}

static void check(struct set *s)
{
    char byte;

    sc_check_both(s->idle[0], s->idle[1]);
    sc_check_names(s->busy[0], &s->busy_names[0]);
    sc_check_names(s->busy[1], &s->busy_names[1]);
    sc_expect_pattern(s->busy[1], 70000, 1);
    sc_expect_pattern(s->busy[0], 3000, 2);
    sc_check_both(s->busy[0], s->busy[1]);
    check_full(s);
    sc_expect_pattern(s->half[1], 77, 3);
    await_readable(s->half[1]);
    sc_expect_end(s->half[1]);
    sc_expect_pattern(s->half[0], 78, 4);
    sc_send_pattern(s->half[1], 20, 6);
    sc_expect_pattern(s->half[0], 20, 6);
    CHECK(send(s->half[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
    sc_expect_pattern(s->left, 55, 5);
    await_readable(s->left);
    sc_expect_end(s->left);
    CHECK(recv(s->reset, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET);
    CHECK(recv(s->reset, &byte, 1, MSG_DONTWAIT) == 0);
    sc_check_names(s->listener, &s->listener_names);
    check_waiting(s);
}

static void set_options(int fd)
{
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){77}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){5}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){12345}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){40000}, sizeof(int)) == 0);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_TOS, &(int){16}, sizeof(int)) == 0);
}

static void check_options(int fd)
{
    CHECK(sc_option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(sc_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(sc_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
    CHECK(sc_option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 5);
    CHECK(sc_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 12345);
    CHECK(sc_option(fd, SOL_SOCKET, SO_SNDBUF) == 80000);
    CHECK(sc_option(fd, IPPROTO_IP, IP_TOS) == 16);
}

int main(int argc, char **argv)
{
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    int count = probe >= 0 ? SETS : 1;

    close(probe);
    sc_init(argc, argv, "TCP connections inside the process");
    for (int i = 0; i < count; i++)
        set_up(&sets[i]);
    fresh = socket(AF_INET, SOCK_STREAM, 0);
    options = sets[0].idle[0];
    set_options(options);
    sc_ready();
    sc_wait();
    check_options(options);
    for (int i = 0; i < count; i++)
        check(&sets[i]);
    CHECK(connect(fresh, (struct sockaddr *)&sets[0].address, sets[0].size) == 0);
    sc_pass();
}
