/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors in flight are refused, and still arrive. refused: has received descriptors that the program has not taken yet */
#include "sc_sock.h"

static void send_descriptor(int through, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte = 'd';
    struct iovec part = {&byte, 1};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};

    control.head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    CHECK(sendmsg(through, &h, 0) == 1);
}

static int receive_descriptor(int from)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    int fd;

    CHECK(recvmsg(from, &h, 0) == 1 && byte == 'd');
    CHECK(control.head.cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
    return fd;
}

int main(int argc, char **argv)
{
    static const int TYPES[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int carriers[3][2];
    int parcel[2];
    int before;

    sc_init(argc, argv, "descriptors in flight");
    sc_pair(SOCK_STREAM, parcel);
    for (int i = 0; i < 3; i++) {
        sc_pair(TYPES[i], carriers[i]);
        send_descriptor(carriers[i][0], parcel[0]);
    }
    before = dup(0);
    close(before);
    sc_ready();
    sc_wait();
    CHECK(dup(0) == before); /* looking has left none behind */
    for (int i = 0; i < 3; i++)
        sc_check_both(receive_descriptor(carriers[i][1]), parcel[1]);
    sc_pass();
}
