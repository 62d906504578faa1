/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Empty messages behind others, which can be seen once. A second checkpoint of the same process would be refused.
 * modes: restart restart-twice generation2
 */
#include "sc_sock.h"

static int fds[2][2], ended[2];

static void fill(int fd)
{
    sc_send_pattern(fd, 5, 1);
    sc_send_pattern(fd, 0, 0);
    sc_send_pattern(fd, 0, 0);
    sc_send_pattern(fd, 6, 2);
    sc_send_pattern(fd, 0, 0);
}

static void check(int fd)
{
    CHECK(sc_option(fd, SOL_SOCKET, SO_PEEK_OFF) < 0);
    sc_expect_pattern(fd, 5, 1);
    sc_expect_pattern(fd, 0, 0);
    sc_expect_pattern(fd, 0, 0);
    sc_expect_pattern(fd, 6, 2);
    sc_expect_pattern(fd, 0, 0);
}

int main(int argc, char **argv)
{
    sc_init(argc, argv, "empty messages behind others");
    sc_pair(SOCK_DGRAM, fds[0]);
    sc_pair(SOCK_SEQPACKET, fds[1]);
    sc_pair(SOCK_SEQPACKET, ended);
    fill(fds[0][0]);
    fill(fds[1][0]);
    fill(ended[0]);
    close(ended[0]);
    sc_ready();
    sc_wait();
    for (int i = 0; i < 2; i++) {
        check(fds[i][1]);
        sc_expect_nothing(fds[i][1]);
        CHECK(sc_option(fds[i][1], SOL_SOCKET, SO_PASSCRED) == 0);
        sc_check_both(fds[i][0], fds[i][1]);
    }
    check(ended[1]);
    sc_expect_end(ended[1]);
    sc_pass();
}
