/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* An epoll instance in flight is refused, and still arrives. refused: there is an epoll instance in flight */
#include "sc_rights.h"

#include <sys/epoll.h>

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 17};
    struct epoll_event got = {0};
    int carrier[2];
    int ends[2];
    int instance = epoll_create1(0);

    sc_init(argc, argv, "an epoll instance in flight");
    CHECK(instance >= 0 && pipe(ends) == 0);
    CHECK(epoll_ctl(instance, EPOLL_CTL_ADD, ends[0], &event) == 0);
    sc_pair(SOCK_STREAM, carrier);
    sc_send_rights(carrier[0], "instance", &instance, 1);
    close(instance);
    sc_ready();
    sc_wait();
    instance = sc_expect_right(carrier[1], 100, "instance");
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(epoll_wait(instance, &got, 1, 1000) == 1 && got.data.u32 == 17);
    sc_pass();
}
