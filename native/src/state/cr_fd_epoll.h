/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The kernel's list of an epoll instance. */
#ifndef CR_FD_EPOLL_H
#define CR_FD_EPOLL_H

#include <stdint.h>

struct cr_epoll_line {
    int tfd; /* number with which the member was registered */
    uint32_t events;
    uint64_t data;
    uint64_t inode, device; /* of what is watched */
};

/* The next member in the text of fdinfo from *AT on, which is moved. Returns 1, 0 at the end, or -EINVAL. */
int cr_epoll_next(const char **at, struct cr_epoll_line *ret_line);

#endif
