/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A netlink socket that listens to changes of interfaces, and one that asks for them. */
#include "sc_sock.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static int ask(int fd)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg body;
    } request = {{sizeof(request), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0},
                 {.ifi_family = AF_UNSPEC}};
    char answer[32768];
    int type = 0;

    CHECK(send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request));
    do {
        ssize_t n = recv(fd, answer, sizeof(answer), 0);
        CHECK(n >= (ssize_t)sizeof(struct nlmsghdr));
        type = ((const struct nlmsghdr *)(const void *)answer)->nlmsg_type;
        CHECK(type != NLMSG_ERROR);
    } while (type != NLMSG_DONE);
    return 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    socklen_t size = sizeof(name);
    int listener = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    int asker = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);

    sc_init(argc, argv, "netlink sockets");
    if (listener < 0)
        sc_skip("no netlink here");
    CHECK(bind(listener, (struct sockaddr *)&name, sizeof(name)) == 0);
    CHECK(ask(asker));
    sc_ready();
    sc_wait();
    CHECK(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
    CHECK(name.nl_groups == RTMGRP_LINK);
    CHECK(fcntl(asker, F_GETFL) & O_NONBLOCK);
    CHECK(ask(asker));
    sc_pass();
}
