/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Unix sockets at a restart. Connected streams are made with both ends at once; when all sockets stand, names
 * are given, queues filled, datagram sockets connected, connections put before listening sockets, and directions shut down.
 */
#include "cr_fd_unix.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_UNIX
#define MODE_FLAGS (O_NONBLOCK | O_ASYNC)

static int fail(const quiesce_image_Socket *s, const char *what, long rc, struct cr_error *err)
{
    return cr_fail(err, (int)-rc, "%s the Unix socket that was descriptor %d: %s", what, s->fd,
                   cr_error_words((int)-rc));
}

static int make(const quiesce_image_Socket *s)
{
    return (int)cr_sys(SYS_socket, AF_UNIX, s->type | SOCK_CLOEXEC, s->protocol);
}

static int has_name(size_t size)
{
    return size > sizeof(sa_family_t);
}

/*
 * The end that was accepted has the name of the listening socket, so it is accepted from such a one again. Its number is the
 * greater one, for it was made last.
 */
static int own_end_was_accepted(const struct cr_socket *own)
{
    const quiesce_image_Socket *s = own->note;

    if (!has_name(s->peer_name.size))
        return 1;
    return has_name(s->name.size) && own->inode > s->partner;
}

struct end {
    const void *name;
    size_t size;
};

static long connect_ends(const quiesce_image_Socket *s, int listener, int client,
                         const struct end *accepted)
{
    long rc = cr_sys(SYS_listen, listener, 1);

    if (rc >= 0)
        rc = cr_unix_connect(client, s, accepted->name, accepted->size);
    return rc >= 0 ? cr_sys(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC) : rc;
}

/* RET_FDS: the accepted end and the other one. */
static int make_by_name(const quiesce_image_Socket *s, const struct end *accepted,
                        const struct end *other, int ret_fds[2], struct cr_error *err)
{
    int listener = make(s);
    int client = make(s);
    long rc = client < 0 ? client : listener;

    if (rc >= 0)
        rc = cr_unix_bind(listener, s, accepted->name, accepted->size, err);
    if (rc >= 0 && has_name(other->size))
        rc = cr_unix_bind(client, s, other->name, other->size, err);
    if (rc >= 0) {
        rc = connect_ends(s, listener, client, accepted);
        cr_unix_unlink(s, accepted->name, accepted->size);
    }
    if (listener >= 0)
        cr_sys_close(listener);
    if (rc < 0 && client >= 0)
        cr_sys_close(client);
    if (rc < 0)
        return err->code != 0 ? -err->code : fail(s, "cannot connect", rc, err);
    ret_fds[0] = (int)rc;
    ret_fds[1] = client;
    return 0;
}

/* RET_FDS: the own end and the other one. */
static int make_ends(const struct cr_socket *own, int ret_fds[2], struct cr_error *err)
{
    const quiesce_image_Socket *s = own->note;
    const struct end mine = {s->name.bytes, s->name.size};
    const struct end other = {s->peer_name.bytes, s->peer_name.size};
    int fds[2];
    int rc;

    if (s->type == SOCK_DGRAM || (!has_name(mine.size) && !has_name(other.size))) {
        rc = (int)cr_sys(SYS_socketpair, AF_UNIX, s->type | SOCK_CLOEXEC, s->protocol, ret_fds);
        return rc < 0 ? fail(s, "cannot make", rc, err) : 0;
    }
    if (own_end_was_accepted(own))
        return make_by_name(s, &mine, &other, ret_fds, err);
    rc = make_by_name(s, &other, &mine, fds, err);
    ret_fds[0] = fds[1];
    ret_fds[1] = fds[0];
    return rc;
}

/* Datagram sockets are connected to a name; only two without names are a pair. */
static int is_made_with_other(const quiesce_image_Socket *s)
{
    if (s->state == quiesce_image_SocketState_SOCKET_CONNECTED ||
        s->state == quiesce_image_SocketState_SOCKET_LEFT)
        return s->type != SOCK_DGRAM || !has_name(s->peer_name.size);
    return 0;
}

static int make_with_other(struct cr_fd_create *c, struct cr_socket *s, struct cr_error *err)
{
    int fds[2];
    int rc;

    err->code = 0;
    rc = make_ends(s, fds, err);
    if (rc < 0)
        return rc;
    s->is_bound = s->note->type != SOCK_DGRAM;
    cr_socket_hold(c->pool, KIND, s, cr_fd_raise(fds[0], c->floor));
    if (s->note->partner == 0) {
        s->other = cr_fd_raise(fds[1], c->floor);
        cr_fd_pool_find(c->pool, KIND, s->device, s->inode)->fds[1] = s->other;
    } else {
        struct cr_socket *partner = cr_socket_keep(c->pool, KIND, s->device, s->note->partner,
                                                   cr_fd_raise(fds[1], c->floor));
        if (partner == NULL)
            return cr_fail_memory(err);
        partner->is_bound = s->is_bound;
        partner->is_pair = s->is_pair = 1;
    }
    return 0;
}

int cr_unix_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_socket *s;
    int rc = cr_socket_enter(c, d, &s, err);

    if (rc < 0)
        return rc;
    if (s->fd < 0 && is_made_with_other(s->note)) {
        rc = make_with_other(c, s, err);
        if (rc < 0)
            return rc;
    }
    if (s->fd < 0) {
        int fd = cr_fd_raise(make(s->note), c->floor);

        if (fd < 0)
            return fail(s->note, "cannot make", fd, err);
        cr_socket_hold(c->pool, KIND, s, fd);
    }
    return cr_socket_give(c, s, err);
}

static int bind_one(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    (void)pool;
    if (s->is_bound || !has_name(s->note->name.size))
        return 0;
    s->is_bound = 1;
    return cr_unix_bind(s->fd, s->note, s->note->name.bytes, s->note->name.size, err);
}

/* The other end is no more, but its name is seen: it is made for a moment. */
static int connect_to_left(struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    int fd = make(note);
    long rc = fd;

    err->code = 0;
    if (rc >= 0)
        rc = cr_unix_bind(fd, note, note->peer_name.bytes, note->peer_name.size, err);
    if (rc >= 0) {
        rc = cr_unix_connect(s->fd, note, note->peer_name.bytes, note->peer_name.size);
        cr_unix_unlink(note, note->peer_name.bytes, note->peer_name.size);
    }
    if (fd >= 0)
        cr_sys_close(fd);
    s->is_done = 1;
    if (rc < 0)
        return err->code != 0 ? -err->code : fail(note, "cannot connect", rc, err);
    return 0;
}

/* Before others take the name. */
static int connect_left(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    (void)pool;
    if (s->note->type != SOCK_DGRAM || s->other >= 0 ||
        s->note->state != quiesce_image_SocketState_SOCKET_LEFT)
        return 0;
    return connect_to_left(s, err);
}

static int connect_datagram(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc;

    (void)pool;
    if (note->type != SOCK_DGRAM || note->state != quiesce_image_SocketState_SOCKET_CONNECTED ||
        s->is_pair)
        return 0;
    rc = cr_unix_connect(s->fd, note, note->peer_name.bytes, note->peer_name.size);
    return rc < 0 ? fail(note, "cannot connect", rc, err) : 0;
}

static int listen_again(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc;

    if (note->state != quiesce_image_SocketState_SOCKET_LISTENING)
        return 0;
    rc = cr_sys(SYS_listen, s->fd,
                note->backlog > note->waiting_count ? note->backlog : note->waiting_count);
    for (pb_size_t i = 0; rc >= 0 && i < note->waiting_count; i++) {
        const struct cr_socket *client = cr_socket_find(pool, KIND, s->device, note->waiting[i]);

        rc = client != NULL ? cr_unix_connect(client->fd, note, note->name.bytes, note->name.size)
                            : -ENOTCONN;
    }
    if (rc >= 0)
        rc = cr_sys(SYS_listen, s->fd, note->backlog);
    return rc < 0 ? fail(note, "cannot put waiting connections before", rc, err) : 0;
}

/* With something unread the other end leaves an error behind. */
static void leave(struct cr_fd_pool *pool, struct cr_socket *s)
{
    if (s->note->failed)
        cr_sys(SYS_sendto, s->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
    cr_sys_close(s->other);
    cr_fd_pool_find(pool, KIND, s->device, s->inode)->fds[1] = -1;
    s->other = -1;
}

static int shut_down(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    uint32_t how = s->note->shutdown;

    (void)err;
    if (s->other >= 0)
        leave(pool, s);
    if (how > 0 && how <= 3)
        cr_sys(SYS_shutdown, s->fd, how - 1);
    return 0;
}

static int give_options(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    int rc = cr_socket_options_put_back(s->fd, s->note, err);
    int owns_file =
        s->note->state != quiesce_image_SocketState_SOCKET_CONNECTED || s->note->type == SOCK_DGRAM;

    (void)pool;
    if (s->status_flags & MODE_FLAGS)
        cr_sys(SYS_fcntl, s->fd, F_SETFL, s->status_flags);
    return rc == 0 && owns_file ? cr_unix_file_put_back(s->note, err) : rc;
}

int cr_unix_complete(struct cr_fd_pool *pool, struct cr_error *err)
{
    static cr_socket_each_fn *const steps[] = {
        connect_left, bind_one,  cr_unix_fill, connect_datagram,
        listen_again, shut_down, give_options,
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(*steps); i++)
        rc = cr_socket_each(pool, KIND, steps[i], err);
    return rc;
}
