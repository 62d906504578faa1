/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. TCP sockets at a checkpoint. Of a connection inside the request each end saves what it has received, after
 * all that the other one has sent has arrived: the kernel delivers it while the program stands still.
 */
#include "cr_fd_tcp.h"

#include "cr_fd_diag.h"
#include "cr_fd_queue.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define ARRIVAL_TRIES 1500 /* of a millisecond */
#define SENDS_NO_MORE 2

struct look {
    struct cr_fd_collect *c;
    const struct cr_open_file *file;
    quiesce_image_Socket *s;
    union cr_socket_address local, remote;
    struct cr_diag_tcp own, peer;
    int state;
};

static void refuse(struct look *l, const char *what, const char *remedy)
{
    const quiesce_image_Socket *s = l->s;
    char local[80];
    char remote[80];

    cr_socket_address_text(s->name.bytes, s->name.size, local, sizeof(local));
    cr_socket_address_text(s->peer_name.bytes, s->peer_name.size, remote, sizeof(remote));
    cr_refuse(l->c->refusals, "descriptor %d is a TCP %s %s%s%s%s; %s", s->fd,
              s->peer_name.size > 0 ? "connection from" : "socket at", local,
              s->peer_name.size > 0 ? " to " : "", s->peer_name.size > 0 ? remote : "", what,
              remedy);
}

static int is_present(const struct look *l, uint32_t inode)
{
    return inode != 0 && cr_fd_is_present(l->c, l->file->st.st_dev, inode);
}

/* Whoever asked for the checkpoint takes it before this process is killed. */
static void keep(struct look *l)
{
    struct cr_state *state = l->c->state;
    uint32_t size = sizeof(l->s->kept);

    if (state->kept_count == CR_KEPT_MAX) {
        refuse(l, ", one of more than 64 whose other end is outside the request",
               "close some of them before the checkpoint, or ask for --tcp=close");
        return;
    }
    cr_sys(SYS_getsockopt, l->s->fd, SOL_SOCKET, SO_COOKIE, &l->s->kept, &size);
    state->kept[state->kept_count++] = l->s->fd;
}

static void take_outside(struct look *l)
{
    l->s->state = quiesce_image_SocketState_SOCKET_OUTSIDE;
    if (l->c->state->tcp_policy == CR_TCP_ERROR)
        refuse(l, ", whose other end is outside the request",
               "close it before the checkpoint, save the process at its other end in the same "
               "request, or ask for --tcp=close");
    if (l->c->state->tcp_policy == CR_TCP_RESTORE)
        keep(l);
}

/* Is the address one of this host? Then a peer that is not found is gone. */
static int is_here(const union cr_socket_address *a)
{
    union cr_socket_address any_port = *a;
    int fd = (int)cr_sys(SYS_socket, a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long rc;

    if (a->any.sa_family == AF_INET)
        any_port.in.sin_port = 0;
    else
        any_port.in6.sin6_port = 0;
    rc = fd < 0 ? fd : cr_sys(SYS_bind, fd, &any_port, sizeof(any_port.in6));
    if (fd >= 0)
        cr_sys_close(fd);
    return rc >= 0;
}

static int is_open_state(int state)
{
    return state == CR_DIAG_ESTABLISHED || state == CR_DIAG_CLOSE_WAIT;
}

/* The connection waits in the queue of a listening socket. */
static int take_waiting(struct look *l, struct cr_error *err)
{
    union cr_socket_address nobody = {0};
    struct cr_diag_tcp listener = {0};
    int rc;

    nobody.any.sa_family = l->remote.any.sa_family;
    rc = cr_diag_tcp(l->c->scratch, &l->remote, &nobody, &listener, err);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (rc < 0 || listener.state != CR_DIAG_LISTENING || !is_present(l, listener.inode)) {
        take_outside(l);
        return 0;
    }
    l->s->state = quiesce_image_SocketState_SOCKET_WAITING;
    l->s->partner = listener.inode;
    if (l->peer.unread > 0 || l->own.unacknowledged > 0 || l->own.state != CR_DIAG_ESTABLISHED)
        refuse(l, ", has sent data and is not accepted yet",
               "accept it before the checkpoint: what it has sent cannot be looked at");
    return 0;
}

static int take_connected(struct look *l, struct cr_error *err)
{
    int rc = cr_diag_tcp(l->c->scratch, &l->remote, &l->local, &l->peer, err);
    int is_found = rc == 0 && l->peer.state != CR_DIAG_LISTENING;

    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (is_found && is_present(l, l->peer.inode)) {
        l->s->state = quiesce_image_SocketState_SOCKET_CONNECTED;
        l->s->partner = l->peer.inode;
        l->s->partner_family = (uint32_t)l->peer.family;
    } else if (is_found && l->peer.inode == 0 &&
               (is_open_state(l->peer.state) || l->peer.state == CR_DIAG_SYN_RECEIVED)) {
        return take_waiting(l, err);
    } else if ((is_found && l->peer.inode == 0) || (!is_found && is_here(&l->remote))) {
        l->s->state = quiesce_image_SocketState_SOCKET_LEFT;
        l->s->partner_family = l->s->family;
    } else {
        take_outside(l);
    }
    return 0;
}

/* Sets on the waiting list of the listening socket: a server's end that nobody has, and the client's that somebody has. */
static void add_waiting(const struct cr_diag_tcp *info, void *argument)
{
    struct look *l = argument;
    struct cr_diag_tcp client = {0};
    union cr_socket_address local = {0};
    union cr_socket_address remote = {0};
    size_t mark = l->c->scratch->used;
    quiesce_image_Socket *s = l->s;
    int rc;

    if (info->inode != 0)
        return;
    memcpy(&local, info->local, info->address_size);
    memcpy(&remote, info->remote, info->address_size);
    rc = cr_diag_tcp(l->c->scratch, &remote, &local, &client, NULL);
    l->c->scratch->used = mark;
    if (rc < 0 || !is_present(l, client.inode)) {
        if (l->c->state->tcp_policy != CR_TCP_CLOSE)
            refuse(l, " with a connection that is not accepted yet, from outside the request",
                   "accept it before the checkpoint, or ask for --tcp=close");
        return;
    }
    if (s->waiting_count < sizeof(s->waiting) / sizeof(*s->waiting))
        s->waiting[s->waiting_count++] = client.inode;
}

/* Oldest first, as far as the numbers tell. */
static void sort_waiting(quiesce_image_Socket *s)
{
    for (pb_size_t i = 1; i < s->waiting_count; i++) {
        uint64_t held = s->waiting[i];
        pb_size_t j = i;

        for (; j > 0 && s->waiting[j - 1] > held; j--)
            s->waiting[j] = s->waiting[j - 1];
        s->waiting[j] = held;
    }
}

static int take_listening(struct look *l, const struct tcp_info *info, struct cr_error *err)
{
    const uint32_t states = 1U << CR_DIAG_ESTABLISHED | 1U << CR_DIAG_CLOSE_WAIT;
    uint16_t port =
        l->local.any.sa_family == AF_INET ? l->local.in.sin_port : l->local.in6.sin6_port;
    int rc = 0;

    l->s->state = quiesce_image_SocketState_SOCKET_LISTENING;
    l->s->backlog = info->tcpi_sacked;
    if (info->tcpi_unacked == 0)
        return 0;
    rc = cr_diag_tcp_each(l->c->scratch, l->local.any.sa_family, states, port, add_waiting, l, err);
    sort_waiting(l->s);
    return rc;
}

static void find_connecting(const struct cr_diag_tcp *info, void *argument)
{
    struct look *l = argument;

    if (info->inode != (uint32_t)l->file->st.st_ino)
        return;
    memcpy(l->s->peer_name.bytes, info->remote, info->address_size);
    l->s->peer_name.size = (pb_size_t)info->address_size;
}

static int take_connecting(struct look *l, struct cr_error *err)
{
    l->s->state = quiesce_image_SocketState_SOCKET_CONNECTING;
    return cr_diag_tcp_each(l->c->scratch, (int)l->s->family, 1U << CR_DIAG_SYN_SENT, 0,
                            find_connecting, l, err);
}

/*
 * Never connected, or closed in both directions. Which error it has only reading it would tell, which takes it away: if
 * there was a connection it is a reset.
 */
static void take_closed(struct look *l, int was_connected)
{
    struct pollfd events = {l->s->fd, POLLIN | POLLRDHUP, 0};

    cr_sys(SYS_poll, &events, 1, 0);
    if ((events.revents & (POLLIN | POLLRDHUP)) == 0)
        return;
    l->s->state = quiesce_image_SocketState_SOCKET_LEFT;
    l->s->peer_name.size = 0;
    l->s->partner_family = l->s->family;
    l->s->shutdown = 3;
    if (l->s->failed && !was_connected)
        refuse(l,
               ", which could not be connected and has an error that the program has not read yet",
               "let it read it (SO_ERROR) before the checkpoint");
}

static int take_state(struct look *l, struct cr_error *err)
{
    struct tcp_info info = {0};
    uint32_t length = sizeof(info);
    int rc;

    cr_sys(SYS_getsockopt, l->s->fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    l->state = info.tcpi_state;
    memcpy(&l->local, l->s->name.bytes, l->s->name.size);
    memcpy(&l->remote, l->s->peer_name.bytes, l->s->peer_name.size);
    if (l->state == CR_DIAG_LISTENING)
        return take_listening(l, &info, err);
    if (l->state == CR_DIAG_SYN_SENT)
        return take_connecting(l, err);
    if (l->state == CR_DIAG_CLOSED || l->s->peer_name.size == 0) {
        take_closed(l, info.tcpi_rtt > 0);
        return 0;
    }
    rc = cr_diag_tcp(l->c->scratch, &l->local, &l->remote, &l->own, err);
    if (rc == -ENOENT || (rc == 0 && l->own.inode != (uint32_t)l->file->st.st_ino)) {
        refuse(l, " of another network namespace", "close it before the checkpoint");
        return 0;
    }
    if (rc < 0)
        return rc;
    l->s->shutdown = (uint32_t)l->own.shutdown;
    return take_connected(l, err);
}

/* All but the end of the stream. */
static uint32_t on_the_way(const struct look *l)
{
    uint32_t count = l->peer.unacknowledged;

    return count == 1 && (l->peer.shutdown & SENDS_NO_MORE) ? 0 : count;
}

/* Makes room, tells the other end so, and acknowledges what is here. */
static void invite(const struct look *l)
{
    int fd = l->s->fd;
    int unread = 0;
    char byte;

    cr_sys(SYS_ioctl, fd, SIOCINQ, &unread);
    cr_socket_make_room_here(fd, (uint64_t)unread + l->peer.unacknowledged);
    cr_socket_set(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, INT32_MAX / 2);
    if (unread > 0)
        cr_sys(SYS_recvfrom, fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, 0, 0);
    cr_socket_set(fd, IPPROTO_TCP, TCP_QUICKACK, 2);
}

/* Waits until all that the other end has sent is here. */
static int await_arrival(struct look *l, struct cr_error *err)
{
    const struct timespec step = {0, 1000000};
    int place = cr_socket_option(l->s->fd, SOL_SOCKET, SO_PEEK_OFF);
    size_t mark = l->c->scratch->used;
    int rc = 0;

    if (place >= 0)
        cr_socket_set(l->s->fd, SOL_SOCKET, SO_PEEK_OFF, -1);
    for (int i = 0; rc == 0 && on_the_way(l) > 0 && i < ARRIVAL_TRIES; i++) {
        invite(l);
        cr_sys(SYS_nanosleep, &step, 0);
        rc = cr_diag_tcp(l->c->scratch, &l->remote, &l->local, &l->peer, err);
        l->c->scratch->used = mark;
    }
    if (place >= 0)
        cr_socket_set(l->s->fd, SOL_SOCKET, SO_PEEK_OFF, place);
    if (rc == 0 && on_the_way(l) > 0)
        refuse(l, " with more data on the way to it than its buffer takes",
               "let it read, or raise net.core.rmem_max");
    return rc == -ENOENT ? 0 : rc;
}

static int take_queue(struct look *l, struct cr_error *err)
{
    const quiesce_image_Socket *s = l->s;
    int lock = cr_socket_option(s->fd, SOL_SOCKET, SO_BUF_LOCK);
    int size = cr_socket_option(s->fd, SOL_SOCKET, SO_RCVBUF);
    int clamp = cr_socket_option(s->fd, IPPROTO_TCP, TCP_WINDOW_CLAMP);
    int changed = l->peer.inode != 0 && on_the_way(l) > 0;
    int unread = 0;
    int rc = 0;

    if (s->state == quiesce_image_SocketState_SOCKET_CONNECTED)
        rc = await_arrival(l, err);
    if (rc == 0 && cr_sys(SYS_ioctl, s->fd, SIOCINQ, &unread) >= 0 && unread > 0)
        rc = cr_queue_collect(l->c, l->file, (uint64_t)unread, err);
    if (changed) {
        cr_socket_set(s->fd, SOL_SOCKET, SO_RCVBUF, size / 2);
        cr_socket_set(s->fd, SOL_SOCKET, SO_BUF_LOCK, lock);
        cr_socket_set(s->fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, clamp);
    }
    return rc;
}

static int collect_all(struct look *l, struct cr_error *err)
{
    struct pollfd urgent = {l->s->fd, POLLPRI, 0};
    int rc = take_state(l, err);

    if (rc < 0)
        return rc;
    if (cr_sys(SYS_poll, &urgent, 1, 0) > 0 && (urgent.revents & POLLPRI))
        refuse(l, " with a byte sent out of band", "receive it before the checkpoint");
    rc = cr_socket_add(l->c, l->s, err);
    if (rc < 0 || l->state == CR_DIAG_LISTENING || l->state == CR_DIAG_SYN_SENT)
        return rc;
    return take_queue(l, err);
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct look *l = cr_arena_alloc(c->scratch, sizeof(*l));

    (void)d;
    (void)link;
    if (l == NULL)
        return cr_fail_memory(err);
    *l = (struct look){.c = c, .file = file};
    l->s = cr_arena_alloc(c->scratch, sizeof(*l->s));
    if (l->s == NULL)
        return cr_fail_memory(err);
    cr_socket_collect(c, file, l->s);
    return collect_all(l, err);
}

/* A standard stream that is a connection is the restarter's at a restart. */
static int matches(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    int domain;

    (void)c;
    (void)link;
    if (!S_ISSOCK(file->st.st_mode) || file->fd <= 2 || (file->same_as >= 0 && file->same_as <= 2))
        return 0;
    domain = cr_socket_option(file->fd, SOL_SOCKET, SO_DOMAIN);
    return (domain == AF_INET || domain == AF_INET6) &&
           cr_socket_option(file->fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
}

const struct cr_fd_kind cr_fd_tcp = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_TCP,
                                     .matches = matches,
                                     .collect = collect,
                                     .create = cr_tcp_create,
                                     .complete = cr_tcp_complete};
