/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Netlink sockets that ask about the network or listen to its changes and to those of devices. What waits in
 * them is about the moment, so they are saved only when nothing does.
 */
#include "cr_fd_socket.h"

#include "cr_sys.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_NETLINK
#define MODE_FLAGS (O_NONBLOCK | O_ASYNC)
#define GROUPS_MAX 512 /* bits */

static int matches(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    int protocol;

    (void)c;
    (void)link;
    if (!S_ISSOCK(file->st.st_mode) || file->fd <= 2 ||
        cr_socket_option(file->fd, SOL_SOCKET, SO_DOMAIN) != AF_NETLINK)
        return 0;
    protocol = cr_socket_option(file->fd, SOL_SOCKET, SO_PROTOCOL);
    return protocol == NETLINK_ROUTE || protocol == NETLINK_KOBJECT_UEVENT ||
           protocol == NETLINK_SOCK_DIAG;
}

/* Groups are numbers from 1 on; those above 32 are in no address. */
static void collect_groups(int fd, quiesce_image_Socket *s)
{
    uint32_t words[GROUPS_MAX / 32] = {0};
    uint32_t length = sizeof(words);

    if (cr_sys(SYS_getsockopt, fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &length) < 0)
        return;
    for (uint32_t group = 1; group <= GROUPS_MAX; group++) {
        if ((words[(group - 1) / 32] >> (group - 1) % 32 & 1) &&
            s->waiting_count < sizeof(s->waiting) / sizeof(*s->waiting))
            s->waiting[s->waiting_count++] = group;
    }
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Socket *s = cr_arena_alloc(c->scratch, sizeof(*s));
    struct pollfd events = {file->fd, POLLIN, 0};

    (void)link;
    (void)d;
    if (s == NULL)
        return cr_fail_memory(err);
    cr_socket_collect(c, file, s);
    collect_groups(file->fd, s);
    if (cr_sys(SYS_poll, &events, 1, 0) > 0)
        cr_refuse(
            c->refusals,
            "descriptor %d is a netlink socket with messages that the program has not read; let "
            "it read them, or close it before the checkpoint",
            file->fd);
    return cr_socket_add(c, s, err);
}

static long bind_again(int fd, const quiesce_image_Socket *s)
{
    struct sockaddr_nl name = {0};
    long rc;

    if (s->name.size != sizeof(name))
        return 0;
    memcpy(&name, s->name.bytes, sizeof(name));
    if (name.nl_pid == 0 && name.nl_groups == 0)
        return 0;
    name.nl_groups = 0;
    rc = cr_sys(SYS_bind, fd, &name, sizeof(name));
    if (rc != -EADDRINUSE)
        return rc;
    name.nl_pid = 0; /* somebody has the number: the kernel chooses another one */
    return cr_sys(SYS_bind, fd, &name, sizeof(name));
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    const quiesce_image_Socket *s = cr_socket_note(c->state, d->fd, c->scratch, err);
    long rc;
    int fd;

    if (s == NULL)
        return -err->code;
    fd = (int)cr_sys(SYS_socket, AF_NETLINK, s->type | SOCK_CLOEXEC, s->protocol);
    rc = fd < 0 ? fd : bind_again(fd, s);
    for (pb_size_t i = 0; rc >= 0 && i < s->waiting_count; i++)
        rc = cr_socket_set(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)s->waiting[i]);
    if (rc >= 0 && (d->status_flags & MODE_FLAGS))
        cr_sys(SYS_fcntl, fd, F_SETFL, d->status_flags & MODE_FLAGS);
    if (rc >= 0)
        rc = cr_socket_options_put_back(fd, s, err);
    if (rc >= 0)
        return fd;
    if (fd >= 0)
        cr_sys_close(fd);
    return err->code != 0
               ? -err->code
               : cr_fail(err, (int)-rc,
                         "cannot make the netlink socket again that was descriptor %d: %s", d->fd,
                         cr_error_words((int)-rc));
}

const struct cr_fd_kind cr_fd_netlink = {
    .kind = KIND, .matches = matches, .collect = collect, .create = create};
