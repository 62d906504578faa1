/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The table of the kinds of descriptors. */
#include "cr_state_descriptors_parts.h"

extern const struct cr_fd_kind cr_fd_path;
extern const struct cr_fd_kind cr_fd_proc;
extern const struct cr_fd_kind cr_fd_namespace;
extern const struct cr_fd_kind cr_fd_pidfd;
extern const struct cr_fd_kind cr_fd_mqueue;
extern const struct cr_fd_kind cr_fd_inotify;
extern const struct cr_fd_kind cr_fd_file;
extern const struct cr_fd_kind cr_fd_directory;
extern const struct cr_fd_kind cr_fd_device;
extern const struct cr_fd_kind cr_fd_pipe;
extern const struct cr_fd_kind cr_fd_event;
extern const struct cr_fd_kind cr_fd_signal;
extern const struct cr_fd_kind cr_fd_timer;
extern const struct cr_fd_kind cr_fd_epoll;
extern const struct cr_fd_kind cr_fd_content;
extern const struct cr_fd_kind cr_fd_unix;
extern const struct cr_fd_kind cr_fd_netlink;
extern const struct cr_fd_kind cr_fd_pty;
extern const struct cr_fd_kind cr_fd_tcp;
extern const struct cr_fd_kind cr_fd_udp;

/* A line for each kind. The standard kind is the last one: it takes every standard stream that nobody before it wanted. */
/* clang-format off */
const struct cr_fd_kind *const cr_fd_kinds[] = {
    &cr_fd_path,
    &cr_fd_proc,
    &cr_fd_namespace,
    &cr_fd_pidfd,
    &cr_fd_mqueue,
    &cr_fd_inotify,
    &cr_fd_pty, /* before devices: /dev/tty may be one */
    &cr_fd_file,
    &cr_fd_directory,
    &cr_fd_device,
    &cr_fd_pipe,
    &cr_fd_event,
    &cr_fd_signal,
    &cr_fd_timer,
    &cr_fd_epoll,
    &cr_fd_content,
    &cr_fd_unix,
    &cr_fd_tcp,
    &cr_fd_udp,
    &cr_fd_netlink,
    &cr_fd_standard,
    NULL,
};
/* clang-format on */

const struct cr_fd_kind *cr_fd_kind_find(uint32_t kind)
{
    for (size_t i = 0; cr_fd_kinds[i] != NULL; i++) {
        if (cr_fd_kinds[i]->kind == kind)
            return cr_fd_kinds[i];
    }
    return NULL;
}

int cr_fd_pool_complete(struct cr_fd_pool *pool, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && cr_fd_kinds[i] != NULL; i++) {
        if (cr_fd_kinds[i]->complete != NULL)
            rc = cr_fd_kinds[i]->complete(pool, err);
    }
    return rc;
}
