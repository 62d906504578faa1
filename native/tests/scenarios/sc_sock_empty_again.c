/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Empty messages that have been looked at from a place cannot be seen again: a process whose one waits is refused, however often
 * it is asked. What one checkpoint leaves in the socket (SO_PEEK_OFF below -1) is put there by hand, for the runner asks once.
 * refused: looked at before and cannot be seen again
 */
#include "sc_sock.h"

int main(int argc, char **argv)
{
    const int mark = -2;
    int fds[2];

    sc_init(argc, argv, "an empty message that was looked at");
    sc_pair(SOCK_DGRAM, fds);
    sc_send_pattern(fds[0], 5, 1);
    sc_send_pattern(fds[0], 0, 0);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_PEEK_OFF, &mark, sizeof(mark)) == 0);
    sc_ready();
    sc_wait();
    sc_expect_pattern(fds[1], 5, 1);
    sc_expect_pattern(fds[1], 0, 0);
    sc_expect_nothing(fds[1]);
    sc_pass();
}
