/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams: a named receiver with messages of named, unnamed and closed senders, senders connected to it, lengths and order. */
#include "sc_sock.h"

static int receiver, empty[2], packets[2], named, unnamed, connected;
static struct sockaddr_un receiver_name, named_name, closed_name;
static socklen_t receiver_size, named_size, closed_size;
static struct sc_names connected_names, named_names;

static int make(const struct sockaddr_un *name, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    CHECK(fd >= 0);
    CHECK(size == 0 || bind(fd, (const struct sockaddr *)name, size) == 0);
    return fd;
}

static void send_from(int fd, size_t size, unsigned seed)
{
    unsigned char data[4096];

    sc_pattern(data, size, seed);
    CHECK(sendto(fd, data, size, 0, (struct sockaddr *)&receiver_name, receiver_size) ==
          (ssize_t)size);
}

static void expect_from(const struct sockaddr_un *name, socklen_t name_size, size_t size,
                        unsigned seed)
{
    unsigned char want[4096];
    unsigned char have[4096];
    struct sockaddr_un from;
    socklen_t length = sizeof(from);

    sc_pattern(want, size, seed);
    CHECK(recvfrom(receiver, have, sizeof(have), MSG_DONTWAIT, (struct sockaddr *)&from, &length) ==
          (ssize_t)size);
    CHECK(memcmp(want, have, size) == 0);
    CHECK(length == name_size && memcmp(&from, name, length) == 0);
}

int main(int argc, char **argv)
{
    int closed;

    sc_init(argc, argv, "Unix datagrams with their senders");
    receiver_size = sc_path(&receiver_name, "receiver");
    named_size = sc_path(&named_name, "named");
    closed_size = sc_abstract(&closed_name, "closed");
    receiver = make(&receiver_name, receiver_size);
    named = make(&named_name, named_size);
    unnamed = make(NULL, 0);
    connected = make(NULL, 0);
    closed = make(&closed_name, closed_size);
    CHECK(connect(connected, (struct sockaddr *)&receiver_name, receiver_size) == 0);
    send_from(named, 10, 1);
    send_from(unnamed, 4000, 2);
    send_from(closed, 30, 3);
    send_from(named, 1, 4);
    sc_send_pattern(connected, 50, 5);
    close(closed);
    sc_pair(SOCK_DGRAM, empty);
    sc_send_pattern(empty[0], 0, 0);
    sc_send_pattern(empty[0], 5, 1);
    sc_pair(SOCK_SEQPACKET, packets);
    sc_send_pattern(packets[0], 0, 0);
    sc_send_pattern(packets[0], 6, 2);
    close(packets[0]);
    connected_names = sc_names_of(connected);
    named_names = sc_names_of(named);
    sc_ready();
    sc_wait();
    expect_from(&named_name, named_size, 10, 1);
    expect_from(&named_name, 0, 4000, 2);
    expect_from(&closed_name, closed_size, 30, 3);
    expect_from(&named_name, named_size, 1, 4);
    expect_from(&named_name, 0, 50, 5);
    sc_expect_nothing(receiver);
    sc_check_names(connected, &connected_names);
    sc_check_names(named, &named_names);
    sc_send_pattern(connected, 60, 6);
    expect_from(&named_name, 0, 60, 6);
    CHECK(connect(named, (struct sockaddr *)&receiver_name, receiver_size) == 0);
    sc_send_pattern(named, 70, 7);
    expect_from(&named_name, named_size, 70, 7);
    sc_expect_pattern(empty[1], 0, 0);
    sc_expect_pattern(empty[1], 5, 1);
    sc_expect_nothing(empty[1]);
    sc_expect_pattern(packets[1], 0, 0);
    sc_expect_pattern(packets[1], 6, 2);
    sc_expect_end(packets[1]);
    sc_pass();
}
