/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of descriptors in flight. */
#ifndef SC_RIGHTS_H
#define SC_RIGHTS_H

#include "sc_sock.h"

#include <dirent.h>

#define SC_RIGHTS_MAX 253

union sc_rights {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(SC_RIGHTS_MAX * sizeof(int))];
};

/* TEXT with COUNT descriptors, in one message. */
static inline void sc_send_rights(int through, const char *text, const int *fds, size_t count)
{
    union sc_rights control = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = CMSG_SPACE(count * sizeof(int))};

    control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
    CHECK(sendmsg(through, &h, 0) == (ssize_t)strlen(text));
}

/* Receives up to ROOM bytes, which must be TEXT, with COUNT descriptors. */
static inline void sc_expect_rights(int from, size_t room, const char *text, int *fds, size_t count)
{
    union sc_rights control = {0};
    char got[256];
    struct iovec part = {got, room};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(from, &h, 0);
    size_t have = 0;

    CHECK(n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0);
    CHECK((h.msg_flags & MSG_CTRUNC) == 0);
    if (h.msg_controllen > 0) {
        CHECK(control.head.cmsg_type == SCM_RIGHTS);
        have = (control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(&control.head), (have < count ? have : count) * sizeof(int));
    }
    if (have != count)
        sc_fail("'%s' comes with %zu descriptors and not with %zu", text, have, count);
}

static inline int sc_expect_right(int from, size_t room, const char *text)
{
    int fd = -1;

    sc_expect_rights(from, room, text, &fd, 1);
    return fd;
}

static inline int sc_count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

#endif
