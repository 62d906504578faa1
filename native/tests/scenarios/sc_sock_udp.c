/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* UDP over IPv4 and IPv6: bound, connected, datagrams that wait with their senders' addresses, options, a multicast group. */
#include "sc_sock.h"

#include <arpa/inet.h>

struct set {
    int family, receiver, sender, connected, fresh;
    struct sockaddr_storage address;
    socklen_t size;
    struct sc_names receiver_names, sender_names, connected_names, closed_names;
};

static struct set sets[2] = {{.family = AF_INET}, {.family = AF_INET6}};
static int member;

static int make(int family)
{
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } a;
    int fd = socket(family, SOCK_DGRAM, 0);

    memset(&a, 0, sizeof(a));
    a.in.sin_family = (sa_family_t)family;
    if (family == AF_INET)
        a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        a.in6.sin6_addr = in6addr_loopback;
    CHECK(fd >= 0);
    CHECK(bind(fd, (struct sockaddr *)&a, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) == 0);
    return fd;
}

static void send_to(const struct set *s, int fd, size_t size, unsigned seed)
{
    unsigned char data[8192];

    sc_pattern(data, size, seed);
    CHECK(sendto(fd, data, size, 0, (const struct sockaddr *)&s->address, s->size) ==
          (ssize_t)size);
}

static void expect_from(const struct set *s, const struct sc_names *from, size_t size,
                        unsigned seed)
{
    unsigned char want[8192];
    unsigned char have[8192];
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);

    memset(&name, 0, sizeof(name));
    sc_pattern(want, size, seed);
    CHECK(recvfrom(s->receiver, have, sizeof(have), MSG_DONTWAIT, (struct sockaddr *)&name,
                   &length) == (ssize_t)size);
    CHECK(memcmp(want, have, size) == 0);
    CHECK(length == from->name_size && memcmp(&name, &from->name, length) == 0);
}

static void set_up(struct set *s)
{
    int closed;

    s->receiver = make(s->family);
    s->receiver_names = sc_names_of(s->receiver);
    s->address = s->receiver_names.name;
    s->size = s->receiver_names.name_size;
    s->sender = make(s->family);
    s->connected = socket(s->family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(connect(s->connected, (struct sockaddr *)&s->address, s->size) == 0);
    s->fresh = socket(s->family, SOCK_DGRAM, 0);
    closed = make(s->family);
    s->sender_names = sc_names_of(s->sender);
    s->connected_names = sc_names_of(s->connected);
    s->closed_names = sc_names_of(closed);
    send_to(s, s->sender, 10, 1);
    send_to(s, closed, 8000, 2);
    sc_send_pattern(s->connected, 300, 3);
    send_to(s, s->sender, 1, 4);
    close(closed);
    CHECK(setsockopt(s->receiver, SOL_SOCKET, SO_RCVBUF, &(int){90000}, sizeof(int)) == 0);
    CHECK(setsockopt(s->sender, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)) == 0);
}

static void check(struct set *s)
{
    sc_check_names(s->receiver, &s->receiver_names);
    sc_check_names(s->sender, &s->sender_names);
    sc_check_names(s->connected, &s->connected_names);
    CHECK(sc_option(s->receiver, SOL_SOCKET, SO_RCVBUF) == 180000);
    CHECK(sc_option(s->sender, SOL_SOCKET, SO_BROADCAST) == 1);
    CHECK(fcntl(s->connected, F_GETFL) & O_NONBLOCK);
    expect_from(s, &s->sender_names, 10, 1);
    expect_from(s, &s->closed_names, 8000, 2);
    expect_from(s, &s->connected_names, 300, 3);
    expect_from(s, &s->sender_names, 1, 4);
    sc_expect_nothing(s->receiver);
    send_to(s, s->fresh, 5, 5);
    sc_expect_pattern(s->receiver, 5, 5);
    sc_send_pattern(s->connected, 6, 6);
    expect_from(s, &s->connected_names, 6, 6);
}

static struct ip_mreqn group(void)
{
    struct ip_mreqn request = {.imr_multiaddr.s_addr = htonl(0xefff4d21), .imr_ifindex = 1};

    return request;
}

int main(int argc, char **argv)
{
    struct ip_mreqn request = group();
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    int count = probe >= 0 ? 2 : 1;
    int joined;

    close(probe);
    sc_init(argc, argv, "UDP sockets with what waits in them");
    for (int i = 0; i < count; i++)
        set_up(&sets[i]);
    member = make(AF_INET);
    joined = setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) == 0;
    sc_ready();
    sc_wait();
    for (int i = 0; i < count; i++)
        check(&sets[i]);
    request = group();
    if (joined) /* a member cannot join again */
        CHECK(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) < 0 &&
              errno == EADDRINUSE);
    sc_pass();
}
