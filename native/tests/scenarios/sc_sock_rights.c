/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors in flight: in all types of Unix sockets, of which the sender has closed its own, that the process has open as
 * well, between data of a stream, with an empty datagram, and in sockets that are in flight themselves.
 */
#include "sc_rights.h"

static int file; /* shared with one in flight */

static int check_types(int carriers[3][2], int set_up, int kept[3])
{
    static const int TYPES[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

    for (int i = 0; i < 3; i++) {
        int parcel[2];

        if (set_up) {
            sc_pair(TYPES[i], carriers[i]);
            sc_pair(SOCK_STREAM, parcel);
            sc_send_pattern(parcel[1], 70, 5);
            sc_send_rights(carriers[i][0], "a parcel", &parcel[0], 1);
            close(parcel[0]);
            kept[i] = parcel[1];
        } else {
            int fd = sc_expect_right(carriers[i][1], 100, "a parcel");

            sc_expect_pattern(fd, 70, 5);
            sc_check_both(fd, kept[i]);
            close(fd);
            sc_expect_end(kept[i]);
        }
    }
    return 0;
}

static void send_file(int through)
{
    char path[600];

    snprintf(path, sizeof(path), "%s/shared", sc_directory);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, "0123456789", 10) == 10 && lseek(file, 4, SEEK_SET) == 4);
    sc_send_rights(through, "file", &file, 1);
}

static void receive_file(int from)
{
    char two[3] = "";
    int fd = sc_expect_right(from, 100, "file");

    CHECK(read(fd, two, 2) == 2 && strcmp(two, "45") == 0);
    CHECK(read(file, two, 2) == 2 && strcmp(two, "67") == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 8);
}

/* A stream: data, data with descriptors, data, and once more. Pipes of which nobody has any end otherwise. */
static void send_stream(int through)
{
    int ends[2];
    int more[2];

    CHECK(pipe(ends) == 0 && pipe(more) == 0);
    CHECK(write(ends[1], "contents", 8) == 8);
    CHECK(write(through, "before", 6) == 6);
    sc_send_rights(through, "with", ends, 2);
    CHECK(write(through, "between", 7) == 7);
    sc_send_rights(through, "more", &more[0], 1);
    sc_send_rights(through, "and more", &more[1], 1);
    CHECK(write(through, "after", 5) == 5);
    close(ends[0]);
    close(ends[1]);
    close(more[0]);
    close(more[1]);
}

static void receive_stream(int from)
{
    char contents[9] = "";
    int ends[2];
    int more[2];

    sc_expect_rights(from, 3, "bef", NULL, 0);
    sc_expect_rights(from, 100, "orewith", ends, 2);
    CHECK(read(ends[0], contents, 8) == 8 && strcmp(contents, "contents") == 0);
    CHECK(write(ends[1], "x", 1) == 1 && read(ends[0], contents, 8) == 1);
    sc_expect_rights(from, 7, "between", NULL, 0);
    more[0] = sc_expect_right(from, 2, "mo");
    sc_expect_rights(from, 2, "re", NULL, 0);
    more[1] = sc_expect_right(from, 100, "and more");
    CHECK(write(more[1], "y", 1) == 1 && read(more[0], contents, 8) == 1 && contents[0] == 'y');
    sc_expect_rights(from, 100, "after", NULL, 0);
    sc_expect_nothing(from);
}

/* Messages with credentials, of which only the process itself can send its own again. */
static void send_with_credentials(int pair[2], int kept[2])
{
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == 0);
    sc_pair(SOCK_STREAM, kept);
    CHECK(write(pair[0], "plain", 5) == 5);
    sc_send_rights(pair[0], "credentials", &kept[0], 1);
    CHECK(write(pair[0], "rest", 4) == 4);
}

static void receive_with_credentials(int pair[2], int kept[2])
{
    union sc_rights control = {0};
    char got[100];
    struct iovec part = {got, sizeof(got)};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    const struct cmsghdr *second;
    struct ucred sender;
    int fd;

    CHECK(recvmsg(pair[1], &h, 0) == 16 && memcmp(got, "plaincredentials", 16) == 0);
    CHECK(control.head.cmsg_type == SCM_CREDENTIALS);
    memcpy(&sender, CMSG_DATA(&control.head), sizeof(sender));
    CHECK(sender.pid == syscall(SYS_getpid)); /* not the number that libcr shows */
    second = CMSG_NXTHDR(&h, &control.head);
    CHECK(second != NULL && second->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(second), sizeof(fd));
    sc_check_both(fd, kept[1]);
    sc_check_both(kept[0], kept[1]);
    CHECK(recv(pair[1], got, sizeof(got), 0) == 4);
}

/* A socket in flight with a socket in flight, and one in its own queue. */
static void send_nested(int pair[2])
{
    int inner[2];
    int innermost[2];

    sc_pair(SOCK_DGRAM, inner);
    sc_pair(SOCK_SEQPACKET, innermost);
    sc_send_pattern(innermost[0], 33, 6);
    sc_send_rights(inner[0], "", innermost, 2);
    CHECK(send(inner[0], "plain", 5, 0) == 5);
    sc_send_rights(pair[0], "nested", &inner[1], 1);
    sc_send_rights(pair[0], "itself", &pair[1], 1);
    close(inner[0]);
    close(inner[1]);
    close(innermost[0]);
    close(innermost[1]);
}

static void receive_nested(int pair[2])
{
    int inner = sc_expect_right(pair[1], 6, "nested");
    int itself = sc_expect_right(pair[1], 6, "itself");
    int innermost[2];

    sc_expect_rights(inner, 100, "", innermost, 2);
    sc_expect_rights(inner, 100, "plain", NULL, 0);
    sc_expect_pattern(innermost[1], 33, 6);
    sc_check_both(innermost[0], innermost[1]);
    sc_check_both(pair[0], itself);
}

int main(int argc, char **argv)
{
    int carriers[3][2];
    int stream[2];
    int datagrams[2];
    int nested[2];
    int carrier[2];
    int with_credentials[2];
    int kept[3];
    int before;
    int next;

    sc_init(argc, argv, "descriptors in flight");
    check_types(carriers, 1, kept);
    sc_pair(SOCK_STREAM, stream);
    send_stream(stream[0]);
    sc_pair(SOCK_DGRAM, datagrams);
    send_file(datagrams[0]);
    sc_pair(SOCK_STREAM, nested);
    send_nested(nested);
    sc_pair(SOCK_STREAM, carrier);
    send_with_credentials(carrier, with_credentials);
    before = sc_count_descriptors();
    next = dup(0);
    close(next);
    sc_ready();
    sc_wait();
    CHECK(dup(0) == next && close(next) == 0); /* looking has left none behind */
    CHECK(sc_count_descriptors() == before);
    check_types(carriers, 0, kept);
    receive_stream(stream[1]);
    receive_file(datagrams[1]);
    receive_nested(nested);
    receive_with_credentials(carrier, with_credentials);
    sc_pass();
}
