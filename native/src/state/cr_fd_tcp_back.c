/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. TCP sockets at a restart. Connections come first, then the sockets that listen, then who waits there. */
#include "cr_fd_queue.h"
#include "cr_fd_tcp.h"
#include "cr_keeper.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_TCP
#define MODE_FLAGS (O_NONBLOCK | O_ASYNC)
#define ARRIVAL_TRIES 2000 /* of a millisecond */

enum { RECEIVES_NO_MORE = 1, SENDS_NO_MORE = 2 };

static int fail(const quiesce_image_Socket *s, const char *what, long rc, struct cr_error *err)
{
    char name[80];

    cr_socket_address_text(s->name.bytes, s->name.size, name, sizeof(name));
    return cr_fail(err, (int)-rc, "%s the TCP socket that was descriptor %d (%s): %s", what, s->fd,
                   name, cr_error_words((int)-rc));
}

static int is_made_with_other(const quiesce_image_Socket *s)
{
    return s->state == quiesce_image_SocketState_SOCKET_CONNECTED ||
           s->state == quiesce_image_SocketState_SOCKET_LEFT ||
           s->state == quiesce_image_SocketState_SOCKET_OUTSIDE;
}

static int is_kept(const struct cr_state *state, const quiesce_image_Socket *s)
{
    return s->kept != 0 && state->tcp_policy == CR_TCP_RESTORE;
}

/* The program sees a reset: so shall the other end. */
static void give_up(const quiesce_image_Socket *s)
{
    int fd = s->kept != 0 ? cr_keeper_take(s->kept) : -1;

    if (fd >= 0)
        cr_sys_close(fd);
}

static int make_with_other(struct cr_fd_create *c, struct cr_socket *s, struct cr_error *err)
{
    struct cr_socket *partner;
    int fds[2];
    int rc;

    give_up(s->note);
    rc = cr_tcp_make_ends(c->scratch, s, fds, err);

    if (rc < 0)
        return rc;
    s->is_bound = 1;
    cr_socket_hold(c->pool, KIND, s, cr_fd_raise(fds[0], c->floor));
    if (s->note->partner == 0) {
        s->other = cr_fd_raise(fds[1], c->floor);
        cr_fd_pool_find(c->pool, KIND, s->device, s->inode)->fds[1] = s->other;
        return 0;
    }
    partner =
        cr_socket_keep(c->pool, KIND, s->device, s->note->partner, cr_fd_raise(fds[1], c->floor));
    if (partner == NULL)
        return cr_fail_memory(err);
    partner->is_bound = 1;
    return 0;
}

static int take_kept(struct cr_fd_create *c, struct cr_socket *s, struct cr_error *err)
{
    char local[80];
    char remote[80];
    int fd = cr_keeper_take(s->note->kept);

    if (fd >= 0) {
        s->is_bound = 1;
        cr_socket_hold(c->pool, KIND, s, cr_fd_raise(fd, c->floor));
        return 0;
    }
    cr_socket_address_text(s->note->name.bytes, s->note->name.size, local, sizeof(local));
    cr_socket_address_text(s->note->peer_name.bytes, s->note->peer_name.size, remote,
                           sizeof(remote));
    return cr_fail(err, CR_EREFUSED,
                   "nobody keeps the TCP connection from %s to %s, which was descriptor %d: it was "
                   "given to an earlier restart, or its cr_keeper has ended, or runs on another "
                   "host or for another user; use --tcp=close, then the program sees a reset",
                   local, remote, s->note->fd);
}

int cr_tcp_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_socket *s;
    int rc = cr_socket_enter(c, d, &s, err);
    int fd;

    if (rc < 0)
        return rc;
    if (s->fd < 0 && is_kept(c->state, s->note)) {
        rc = take_kept(c, s, err);
        if (rc < 0)
            return rc;
    }
    if (s->fd < 0 && is_made_with_other(s->note)) {
        rc = make_with_other(c, s, err);
        if (rc < 0)
            return rc;
    }
    if (s->fd < 0) {
        fd = (int)cr_sys(SYS_socket, s->note->family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
        if (fd < 0)
            return fail(s->note, "cannot make", fd, err);
        cr_socket_hold(c->pool, KIND, s, cr_fd_raise(fd, c->floor));
    }
    return cr_socket_give(c, s, err);
}

static int has_port(const quiesce_image_Socket *s)
{
    return s->name.size >= 4 && (s->name.bytes[2] != 0 || s->name.bytes[3] != 0);
}

static int bind_one(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc;

    if (s->is_bound)
        return 0;
    cr_socket_options_before_bind(s->fd, note);
    if (!has_port(note) || note->state == quiesce_image_SocketState_SOCKET_WAITING)
        return 0;
    rc = cr_tcp_bind(pool->arena, s->fd, note->name.bytes, note->name.size);
    return rc < 0 ? fail(note,
                         "the address is in use or not of this host (ss -tanp tells who has "
                         "it); cannot bind",
                         rc, err)
                  : 0;
}

static int other_end(const struct cr_fd_pool *pool, const struct cr_socket *s)
{
    const struct cr_socket *partner = NULL;

    if (s->other >= 0)
        return s->other;
    if (s->note->state == quiesce_image_SocketState_SOCKET_CONNECTED)
        partner = cr_socket_find(pool, KIND, s->device, s->note->partner);
    return partner != NULL ? partner->fd : -1;
}

static long send_all(int fd, const char *data, size_t size)
{
    long n = 0;

    for (size_t done = 0; n >= 0 && done < size; done += (size_t)n)
        n = cr_sys(SYS_sendto, fd, data + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    return n < 0 ? n : 0;
}

static int fill(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    int other = other_end(pool, s);
    struct cr_queue_reader reader;
    struct cr_queued m;
    int rc;

    if (is_kept(s->state, s->note)) /* it is all there, and what has come since */
        return 0;
    rc = cr_queue_open(s->state, s->note->fd, &reader, err);
    if (rc < 0 || reader.left == 0)
        return rc;
    if (other < 0)
        return cr_fail(err, CR_EDAMAGED, "the image has data for descriptor %d, which nobody sent",
                       s->note->fd);
    cr_socket_make_room(other, reader.size);
    cr_socket_make_room_here(s->fd, reader.size);
    while ((rc = cr_queue_next(&reader, &m, err)) > 0) {
        long sent = send_all(other, m.data, m.head.size);

        if (sent < 0)
            return fail(s->note,
                        "raise net.core.wmem_max and restart: cannot put back what was received by",
                        sent, err);
    }
    return rc;
}

/* What was sent before a reset must have arrived, or it is thrown away. */
static int await_arrival(int fd)
{
    const struct timespec step = {0, 1000000};
    int left = 1;

    for (int i = 0; i < ARRIVAL_TRIES && left > 0; i++) {
        if (cr_sys(SYS_ioctl, fd, SIOCOUTQ, &left) < 0)
            return 0;
        if (left > 0)
            cr_sys(SYS_nanosleep, &step, 0);
    }
    return left > 0 ? -ETIMEDOUT : 0;
}

/* Ends the other end, which nobody has, as the program saw it end. */
static int leave(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const struct linger reset = {1, 0};
    int is_reset = s->note->failed || s->note->state == quiesce_image_SocketState_SOCKET_OUTSIDE;
    int rc = await_arrival(s->other);

    if (rc < 0 && is_reset)
        return fail(s->note,
                    "raise net.core.rmem_max and restart: what was received does not fit into", rc,
                    err);
    if (is_reset)
        cr_sys(SYS_setsockopt, s->other, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    cr_sys_close(s->other);
    cr_fd_pool_find(pool, KIND, s->device, s->inode)->fds[1] = -1;
    s->other = -1;
    return 0;
}

static int shut_down(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const struct cr_socket *partner = NULL;
    uint32_t how = s->note->shutdown;
    int had_other = s->other >= 0;

    if (is_kept(s->state, s->note))
        return 0;
    if (had_other) {
        int rc = leave(pool, s, err);

        if (rc < 0)
            return rc;
    } else if (s->note->state == quiesce_image_SocketState_SOCKET_CONNECTED) {
        partner = cr_socket_find(pool, KIND, s->device, s->note->partner);
    }
    if (how & SENDS_NO_MORE)
        cr_sys(SYS_shutdown, s->fd, SHUT_WR);
    if ((how & RECEIVES_NO_MORE) && partner != NULL && partner->note != NULL &&
        !(partner->note->shutdown & SENDS_NO_MORE))
        cr_sys(SYS_shutdown, s->fd, SHUT_RD);
    return 0;
}

static int listen_one(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc = 0;

    if (note->state != quiesce_image_SocketState_SOCKET_LISTENING)
        return 0;
    rc = cr_sys(SYS_listen, s->fd,
                note->backlog > note->waiting_count ? note->backlog : note->waiting_count);
    for (pb_size_t i = 0; rc >= 0 && i < note->waiting_count; i++) {
        const struct cr_socket *client = cr_socket_find(pool, KIND, s->device, note->waiting[i]);

        rc = client == NULL || client->note == NULL
                 ? -ENOTCONN
                 : cr_tcp_connect(pool->arena, client->fd, client->note->name.bytes,
                                  client->note->name.size, client->note->peer_name.bytes,
                                  client->note->peer_name.size);
    }
    if (rc >= 0 && note->waiting_count > note->backlog)
        rc = cr_sys(SYS_listen, s->fd, note->backlog);
    return rc < 0 ? fail(note, "cannot listen and have connections waiting at", rc, err) : 0;
}

static int give_options(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    (void)pool;
    return cr_socket_options_put_back(s->fd, s->note, err);
}

static int give_mode(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    int is_connecting = note->state == quiesce_image_SocketState_SOCKET_CONNECTING;

    (void)pool;
    (void)err;
    if (is_connecting)
        cr_sys(SYS_fcntl, s->fd, F_SETFL, O_NONBLOCK);
    if (is_connecting && note->peer_name.size > 0)
        cr_sys(SYS_connect, s->fd, note->peer_name.bytes, note->peer_name.size);
    if (is_connecting || (s->status_flags & MODE_FLAGS))
        cr_sys(SYS_fcntl, s->fd, F_SETFL, s->status_flags & MODE_FLAGS);
    return 0;
}

int cr_tcp_complete(struct cr_fd_pool *pool, struct cr_error *err)
{
    static cr_socket_each_fn *const steps[] = {bind_one,   fill,         shut_down,
                                               listen_one, give_options, give_mode};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(*steps); i++)
        rc = cr_socket_each(pool, KIND, steps[i], err);
    return rc;
}
