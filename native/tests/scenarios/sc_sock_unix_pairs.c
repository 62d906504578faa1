/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of Unix sockets of all three types, with data in both directions, half closed, with one end closed, and empty. */
#include "sc_sock.h"

static const int TYPES[3] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
static int empty[3][2], filled[3][2], half[3][2], alone[3], shared[2], shared_again;

static void fill(int fds[2], unsigned seed)
{
    for (unsigned i = 0; i < 5; i++) {
        sc_send_pattern(fds[0], 1000 * i + 10, seed + i);
        sc_send_pattern(fds[1], 300 * i + 1, seed + 50 + i);
    }
}

static void check_filled(int fds[2], unsigned seed)
{
    for (unsigned i = 0; i < 5; i++) {
        sc_expect_pattern(fds[1], 1000 * i + 10, seed + i);
        sc_expect_pattern(fds[0], 300 * i + 1, seed + 50 + i);
    }
    sc_expect_nothing(fds[0]);
    sc_expect_nothing(fds[1]);
}

static void set_up(int i)
{
    int left[2];

    sc_pair(TYPES[i], empty[i]);
    sc_pair(TYPES[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, filled[i]);
    fill(filled[i], 3);
    sc_pair(TYPES[i], half[i]);
    sc_send_pattern(half[i][0], 77, 9);
    sc_send_pattern(half[i][1], 78, 10);
    CHECK(shutdown(half[i][0], SHUT_WR) == 0);
    sc_pair(TYPES[i], left);
    sc_send_pattern(left[1], 55, 11);
    close(left[1]);
    alone[i] = left[0];
}

static void check(int i)
{
    sc_check_both(empty[i][0], empty[i][1]);
    CHECK(fcntl(filled[i][0], F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(filled[i][1], F_GETFD) == FD_CLOEXEC);
    check_filled(filled[i], 3);
    sc_check_both(filled[i][0], filled[i][1]);
    sc_expect_pattern(half[i][1], 77, 9);
    if (TYPES[i] != SOCK_DGRAM)
        sc_expect_end(half[i][1]);
    sc_expect_pattern(half[i][0], 78, 10);
    CHECK(send(half[i][0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
    sc_send_pattern(half[i][1], 20, 5);
    sc_expect_pattern(half[i][0], 20, 5);
    sc_expect_pattern(alone[i], 55, 11);
    if (TYPES[i] == SOCK_DGRAM) {
        CHECK(send(alone[i], "x", 1, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED);
    } else {
        sc_expect_end(alone[i]);
        CHECK(send(alone[i], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
    }
}

int main(int argc, char **argv)
{
    static int full[2];
    size_t filling = 0;
    char block[4096] = "";

    sc_init(argc, argv, "pairs of Unix sockets with what is in them");
    for (int i = 0; i < 3; i++)
        set_up(i);
    sc_pair(SOCK_STREAM, shared);
    shared_again = dup(shared[0]);
    sc_pair(SOCK_STREAM | SOCK_NONBLOCK, full);
    for (ssize_t n; (n = write(full[0], block, sizeof(block))) > 0;)
        filling += (size_t)n;
    sc_ready();
    sc_wait();
    for (int i = 0; i < 3; i++)
        check(i);
    sc_check_both(shared_again, shared[1]);
    CHECK(fcntl(shared[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(shared_again, F_GETFL) & O_NONBLOCK);
    for (ssize_t n; (n = read(full[1], block, sizeof(block))) > 0;)
        filling -= (size_t)n;
    CHECK(filling == 0);
    sc_pass();
}
