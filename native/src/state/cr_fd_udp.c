/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. UDP sockets: address, peer, options, groups, and the datagrams that wait. At a restart these are sent again
 * from their old addresses where that is possible on this host; the others are lost, as UDP may lose them.
 */
#include "cr_fd_queue.h"
#include "cr_fd_socket.h"
#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_UDP
#define MODE_FLAGS (O_NONBLOCK | O_ASYNC)

static int matches(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    int domain;

    (void)c;
    (void)link;
    if (!S_ISSOCK(file->st.st_mode) || file->fd <= 2 || (file->same_as >= 0 && file->same_as <= 2))
        return 0;
    domain = cr_socket_option(file->fd, SOL_SOCKET, SO_DOMAIN);
    return (domain == AF_INET || domain == AF_INET6) &&
           cr_socket_option(file->fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Socket *s = cr_arena_alloc(c->scratch, sizeof(*s));
    int rc;

    (void)d;
    (void)link;
    if (s == NULL)
        return cr_fail_memory(err);
    cr_socket_collect(c, file, s);
    if (s->peer_name.size > 0)
        s->state = quiesce_image_SocketState_SOCKET_CONNECTED;
    if (s->failed) {
        cr_refuse(
            c->refusals,
            "descriptor %d is a UDP socket with an error that the program has not read yet; let "
            "it read it (SO_ERROR, MSG_ERRQUEUE) before the checkpoint",
            file->fd);
        return 0;
    }
    rc = cr_groups_collect(c, file->fd, s);
    if (rc == 0)
        rc = cr_socket_add(c, s, err);
    return rc == 0 ? cr_queue_collect(c, file, CR_QUEUE_ALL, err) : rc;
}

static int fail(const quiesce_image_Socket *s, const char *what, long rc, struct cr_error *err)
{
    char name[80];

    cr_socket_address_text(s->name.bytes, s->name.size, name, sizeof(name));
    return cr_fail(err, (int)-rc, "%s the UDP socket that was descriptor %d (%s): %s", what, s->fd,
                   name, cr_error_words((int)-rc));
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_socket *s;
    int rc = cr_socket_enter(c, d, &s, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = (int)cr_sys(SYS_socket, s->note->family, SOCK_DGRAM | SOCK_CLOEXEC, s->note->protocol);
    if (fd < 0)
        return fail(s->note, "cannot make", fd, err);
    cr_socket_hold(c->pool, KIND, s, cr_fd_raise(fd, c->floor));
    return cr_socket_give(c, s, err);
}

static uint16_t port_of(const uint8_t *name, size_t size)
{
    return size >= 4 ? (uint16_t)(name[2] << 8 | name[3]) : 0;
}

static int bind_one(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc = 0;

    (void)pool;
    cr_socket_options_before_bind(s->fd, note);
    if (port_of(note->name.bytes, note->name.size) != 0)
        rc = cr_sys(SYS_bind, s->fd, note->name.bytes, note->name.size);
    if (rc < 0)
        return fail(note,
                    "the address is in use or not of this host (ss -uanp tells who has it); "
                    "cannot bind",
                    rc, err);
    return cr_socket_options_put_back(s->fd, note, err);
}

static int is_any(const union cr_socket_address *a)
{
    if (a->any.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* Where RECEIVER is to be reached from SENDER. */
static size_t target_of(const quiesce_image_Socket *receiver, const union cr_socket_address *sender,
                        union cr_socket_address *out)
{
    size_t size = receiver->name.size;

    memset(out, 0, sizeof(*out));
    memcpy(out, receiver->name.bytes, size);
    if (!is_any(out))
        return size;
    if (out->any.sa_family == AF_INET)
        out->in.sin_addr = sender->in.sin_addr;
    else
        out->in6.sin6_addr = sender->in6.sin6_addr;
    return size;
}

static int find_sender(const struct cr_fd_pool *pool, const struct cr_queued *m)
{
    for (const struct cr_fd_object *o = pool->first; o != NULL; o = o->next) {
        const struct cr_socket *s = (const void *)(uintptr_t)o->value;

        if (o->kind == KIND && s->note != NULL && s->note->name.size == m->head.name_size &&
            memcmp(s->note->name.bytes, m->name, m->head.name_size) == 0)
            return s->fd;
    }
    return -1;
}

static void send_again(const struct cr_fd_pool *pool, const struct cr_socket *receiver,
                       const struct cr_queued *m)
{
    union cr_socket_address sender = {0};
    union cr_socket_address target;
    int known = find_sender(pool, m);
    int fd = known;
    size_t size;

    memcpy(&sender, m->name, m->head.name_size);
    size = target_of(receiver->note, &sender, &target);
    if (known < 0) {
        fd = (int)cr_sys(SYS_socket, sender.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || cr_sys(SYS_bind, fd, &sender, m->head.name_size) < 0)
            size = 0;
    }
    if (size > 0)
        cr_sys(SYS_sendto, fd, m->data, m->head.size, MSG_DONTWAIT | MSG_NOSIGNAL, &target, size);
    if (known < 0 && fd >= 0)
        cr_sys_close(fd);
}

static int fill(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    struct cr_queue_reader reader;
    struct cr_queued m;
    int rc = cr_queue_open(s->state, s->note->fd, &reader, err);

    while (rc == 0 && (rc = cr_queue_next(&reader, &m, err)) > 0) {
        send_again(pool, s, &m);
        rc = 0;
    }
    return rc;
}

static int connect_one(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    const quiesce_image_Socket *note = s->note;
    long rc = 0;

    (void)pool;
    if (note->state == quiesce_image_SocketState_SOCKET_CONNECTED)
        rc = cr_sys(SYS_connect, s->fd, note->peer_name.bytes, note->peer_name.size);
    if (rc < 0)
        return fail(note, "cannot connect", rc, err);
    rc = cr_groups_put_back(s->fd, note, err);
    if (s->status_flags & MODE_FLAGS)
        cr_sys(SYS_fcntl, s->fd, F_SETFL, s->status_flags & MODE_FLAGS);
    return (int)rc;
}

static int complete(struct cr_fd_pool *pool, struct cr_error *err)
{
    int rc = cr_socket_each(pool, KIND, bind_one, err);

    if (rc == 0)
        rc = cr_socket_each(pool, KIND, fill, err);
    return rc == 0 ? cr_socket_each(pool, KIND, connect_one, err) : rc;
}

const struct cr_fd_kind cr_fd_udp = {
    .kind = KIND, .matches = matches, .collect = collect, .create = create, .complete = complete};
