/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What Unix sockets had received is sent to them again. */
#include "cr_fd_flight.h"
#include "cr_fd_queue.h"
#include "cr_fd_unix.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_UNIX

static int has_name(size_t size)
{
    return size > sizeof(sa_family_t);
}

static int fail(int fd, const struct cr_queued *m, long rc, struct cr_error *err)
{
    if (m->head.flags & CR_QUEUE_HAS_CREDENTIALS)
        return cr_fail(
            err, (int)-rc,
            "a message that the Unix socket of descriptor %d had received carries the "
            "credentials of process %d, user %u: %s; take the checkpoint when it has been "
            "read",
            fd, m->head.pid, m->head.uid, cr_error_words((int)-rc));
    if (m->head.rights > 0)
        return cr_fail(err, (int)-rc,
                       "cannot send the %u descriptors again that the Unix socket of descriptor %d "
                       "had received: %s; raise the limit of open files (ulimit -n) and restart",
                       (unsigned)m->head.rights, fd, cr_error_words((int)-rc));
    return cr_fail(err, (int)-rc,
                   "cannot put back what the Unix socket of descriptor %d had received: %s; raise "
                   "net.core.wmem_max and restart",
                   fd, cr_error_words((int)-rc));
}

/* Only a process itself may send its own credentials, when it exists. */
static int is_for_later(const struct cr_queued *m)
{
    return (m->head.flags & CR_QUEUE_OWN) != 0;
}

/* The number that FD has where the descriptors of OWNER were made; NULL: they have their own. */
static int number_of(const struct cr_state *owner, int fd)
{
    if (owner == NULL)
        return fd;
    for (size_t i = 0; i < owner->inherited_count; i++) {
        if (owner->inherited[i].fd == fd)
            return owner->inherited[i].number == CR_FD_KEEP_STREAM ? fd
                                                                   : owner->inherited[i].number;
    }
    return -1;
}

/* What a message has with it. */
struct control {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) +
                   CMSG_SPACE(CR_FLIGHT_PER_MESSAGE * sizeof(int))];
    };
    size_t used;
    size_t plain; /* without descriptors, which go with the first byte only */
};

static void *add_control(struct control *c, int type, size_t size)
{
    struct cmsghdr *head = (void *)(c->bytes + c->used);

    *head = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, type};
    c->used += CMSG_SPACE(size);
    return CMSG_DATA(head);
}

static int add_rights(struct control *c, const struct cr_state *owner, const struct cr_queued *m)
{
    int *fds;

    if (m->head.rights == 0)
        return 0;
    if (m->head.rights > CR_FLIGHT_PER_MESSAGE)
        return -CR_EDAMAGED;
    fds = add_control(c, SCM_RIGHTS, m->head.rights * sizeof(int));
    for (size_t i = 0; i < m->head.rights; i++) {
        fds[i] = number_of(owner, m->rights[i]);
        if (fds[i] < 0)
            return -CR_EDAMAGED;
    }
    return 0;
}

static int add_all_control(struct control *c, const struct cr_state *owner,
                           const struct cr_queued *m)
{
    const struct ucred credentials = {is_for_later(m) ? cr_sys_getpid() : m->head.pid, m->head.uid,
                                      m->head.gid};

    if ((m->head.flags & CR_QUEUE_HAS_CREDENTIALS) && m->head.pid != 0)
        memcpy(add_control(c, SCM_CREDENTIALS, sizeof(credentials)), &credentials,
               sizeof(credentials));
    c->plain = c->used;
    return add_rights(c, owner, m);
}

/* Sends the whole message through FD, to RECEIVER's name unless FD is connected. OWNER: see number_of(). */
static long send_message(int fd, const quiesce_image_Socket *receiver, int is_connected,
                         const struct cr_state *owner, const struct cr_queued *m)
{
    struct control control = {.used = 0};
    struct iovec part = {(void *)m->data, m->head.size};
    struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
    long n = add_all_control(&control, owner, m);

    if (n < 0)
        return n;
    h.msg_control = control.used > 0 ? control.bytes : NULL;
    h.msg_controllen = control.used;
    if (!is_connected) {
        h.msg_name = (void *)receiver->name.bytes;
        h.msg_namelen = receiver->name.size;
    }
    do {
        n = cr_unix_send(fd, receiver, &h);
        if (n > 0) {
            part.iov_base = (char *)part.iov_base + n;
            part.iov_len -= (size_t)n;
            h.msg_controllen = control.plain;
        }
    } while (n > 0 && part.iov_len > 0 && receiver->type == SOCK_STREAM);
    return n < 0 ? n : 0;
}

/* A process that makes its descriptors by itself has them at their numbers at once. */
static const struct cr_state *owner_of(const struct cr_fd_pool *pool, const struct cr_socket *s)
{
    return pool->members != NULL ? s->state : NULL;
}

static const struct cr_socket *find_sender(const struct cr_fd_pool *pool, const struct cr_queued *m)
{
    for (const struct cr_fd_object *o = pool->first; o != NULL; o = o->next) {
        const struct cr_socket *s = (const void *)(uintptr_t)o->value;

        if (o->kind == KIND && s->note != NULL && s->note->type == SOCK_DGRAM &&
            s->note->name.size == m->head.name_size &&
            memcmp(s->note->name.bytes, m->name, m->head.name_size) == 0)
            return s;
    }
    return NULL;
}

/* A sender who is no more, or has no name. */
static long send_as_stranger(const struct cr_fd_pool *pool, const struct cr_socket *receiver,
                             const struct cr_queued *m, struct cr_error *err)
{
    int is_named = has_name(m->head.name_size);
    int fd = (int)cr_sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    long rc = fd;

    if (rc >= 0 && is_named)
        rc = cr_unix_bind(fd, receiver->note, m->name, m->head.name_size, err);
    if (rc >= 0) {
        cr_socket_make_room(fd, m->head.size);
        rc = send_message(fd, receiver->note, 0, owner_of(pool, receiver), m);
        if (is_named)
            cr_unix_unlink(receiver->note, m->name, m->head.name_size);
    }
    if (fd >= 0)
        cr_sys_close(fd);
    return rc;
}

static long send_datagram(const struct cr_fd_pool *pool, const struct cr_socket *receiver,
                          const struct cr_queued *m, struct cr_error *err)
{
    const struct cr_socket *sender = NULL;

    if (has_name(m->head.name_size))
        sender = find_sender(pool, m);
    if (sender == NULL)
        return send_as_stranger(pool, receiver, m, err);
    cr_socket_make_room(sender->fd, 64 * (uint64_t)m->head.size);
    return send_message(sender->fd, receiver->note, 0, owner_of(pool, receiver), m);
}

static int other_end(const struct cr_fd_pool *pool, const struct cr_socket *s)
{
    const struct cr_socket *partner;

    if (s->other >= 0)
        return s->other;
    partner = s->is_pair ? cr_socket_find(pool, KIND, s->device, s->note->partner) : NULL;
    return partner != NULL ? partner->fd : -1;
}

int cr_unix_fill(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err)
{
    int other = other_end(pool, s);
    struct cr_queue_reader reader;
    struct cr_queued m;
    int rc = cr_queue_open(s->state, s->note->fd, &reader, err);

    if (rc == 0 && other >= 0 && reader.left > 0)
        cr_socket_make_room(other, reader.size);
    while (rc == 0 && (rc = cr_queue_next(&reader, &m, err)) > 0) {
        long sent;

        if (is_for_later(&m))
            return 0;
        err->code = 0;
        sent = other >= 0 ? send_message(other, s->note, 1, owner_of(pool, s), &m)
                          : send_datagram(pool, s, &m, err);
        if (sent < 0)
            return err->code != 0 ? -err->code : fail(s->note->fd, &m, sent, err);
        rc = 0;
    }
    return rc;
}

struct search {
    uint64_t device, inode;
    int fd;
};

static int find_descriptor(struct cr_state *state, const quiesce_image_Descriptor *d,
                           void *argument, struct cr_error *err)
{
    struct search *search = argument;

    (void)state;
    (void)err;
    if (d->kind == KIND && d->device == search->device && d->inode == search->inode)
        search->fd = d->fd;
    return 0;
}

static int send_rest(struct cr_state *state, const quiesce_image_Descriptor *d,
                     const quiesce_image_Socket *note, struct cr_error *err)
{
    struct search search = {d->device, note->partner, -1};
    struct cr_queue_reader reader;
    struct cr_queued m;
    int begun = 0;
    int rc = cr_queue_open(state, d->fd, &reader, err);

    if (rc == 0)
        rc = cr_descriptors_each(state, find_descriptor, &search, err);
    while (rc == 0 && (rc = cr_queue_next(&reader, &m, err)) > 0) {
        long sent = 0;

        begun |= is_for_later(&m);
        if (begun)
            sent = search.fd >= 0 ? send_message(search.fd, note, 1, NULL, &m) : -ENOTCONN;
        rc = sent < 0 ? fail(d->fd, &m, sent, err) : 0;
    }
    return rc;
}

static int has_own(const struct cr_state *state, int fd)
{
    struct cr_queue_reader reader;
    struct cr_queued m;

    if (cr_queue_open(state, fd, &reader, NULL) < 0)
        return 0;
    while (cr_queue_next(&reader, &m, NULL) > 0) {
        if (is_for_later(&m))
            return 1;
    }
    return 0;
}

int cr_unix_finish(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Socket *note;
    int rc = 0;

    if (!has_own(state, d->fd))
        return 0;
    cr_scratch_begin(&scratch, state->arena);
    note = cr_socket_note(state, d->fd, &scratch.arena, err);
    rc = note != NULL ? send_rest(state, d, note, err) : -CR_EDAMAGED;
    cr_scratch_end(&scratch);
    return rc;
}
