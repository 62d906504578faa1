/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A program that looks at datagrams from a place hides empty ones itself. refused: which hides empty ones */
#include "sc_sock.h"

int main(int argc, char **argv)
{
    const int place = 0;
    char bytes[8];
    int fds[2];

    sc_init(argc, argv, "datagrams that are looked at from a place");
    sc_pair(SOCK_DGRAM, fds);
    sc_send_pattern(fds[0], 5, 1);
    sc_send_pattern(fds[0], 0, 0);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_PEEK_OFF, &place, sizeof(place)) == 0);
    CHECK(recv(fds[1], bytes, sizeof(bytes), MSG_PEEK) == 5);
    CHECK(recv(fds[1], bytes, sizeof(bytes), MSG_PEEK) == 0);
    sc_ready();
    sc_wait();
    sc_expect_pattern(fds[1], 5, 1);
    sc_expect_pattern(fds[1], 0, 0);
    sc_pass();
}
