/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fd_socket.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define LOCK_TRIES 2000

int cr_socket_option(int fd, int level, int name)
{
    int value = -1;
    uint32_t length = sizeof(value);

    return cr_sys(SYS_getsockopt, fd, level, name, &value, &length) < 0 ? -1 : value;
}

int cr_socket_set(int fd, int level, int name, int value)
{
    return (int)cr_sys(SYS_setsockopt, fd, level, name, &value, sizeof(value));
}

static pb_size_t address_of(long call, int fd, uint8_t *out, size_t size)
{
    union cr_socket_address a = {0};
    uint32_t length = sizeof(a);

    if (cr_sys(call, fd, &a, &length) < 0 || length <= sizeof(a.any.sa_family) || length > size)
        return 0;
    memcpy(out, &a, length);
    return (pb_size_t)length;
}

static int has_filter(int fd)
{
    uint32_t length = 0; /* instructions */

    return cr_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, 0, &length) >= 0 && length > 0;
}

int cr_socket_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                      quiesce_image_Socket *s)
{
    struct pollfd events = {file->fd, 0, 0};
    int locked;

    *s = (quiesce_image_Socket){.fd = file->fd};
    s->family = (uint32_t)cr_socket_option(file->fd, SOL_SOCKET, SO_DOMAIN);
    s->type = (uint32_t)cr_socket_option(file->fd, SOL_SOCKET, SO_TYPE);
    s->protocol = (uint32_t)cr_socket_option(file->fd, SOL_SOCKET, SO_PROTOCOL);
    s->name.size = address_of(SYS_getsockname, file->fd, s->name.bytes, sizeof(s->name.bytes));
    s->peer_name.size =
        address_of(SYS_getpeername, file->fd, s->peer_name.bytes, sizeof(s->peer_name.bytes));
    cr_sys(SYS_poll, &events, 1, 0);
    s->failed = (events.revents & POLLERR) != 0;
    /* Another process that looks into the queue changes some for a moment. */
    locked = cr_look_lock(c, "socket", file->st.st_ino);
    cr_socket_options_collect(file->fd, s);
    if (locked >= 0)
        cr_sys_close(locked);
    if (has_filter(file->fd))
        cr_refuse(
            c->refusals,
            "socket %d has a packet filter; detach it (SO_DETACH_FILTER) before the checkpoint",
            file->fd);
    return 0;
}

int cr_socket_add(struct cr_fd_collect *c, const quiesce_image_Socket *s, struct cr_error *err)
{
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_SOCKET, quiesce_image_Socket_fields,
                        s, err);
}

/* Decoding all of them for each would take long. The descriptor is the first field, and left out if it is 0. */
static int may_be_of(const struct cr_note *note, int fd)
{
    const uint8_t *data = note->data;
    int is_short = fd < 128;

    if (note->type != quiesce_image_NoteType_NOTE_SOCKET || note->size < 2)
        return 0;
    if (fd == 0)
        return data[0] != 8;
    return data[0] == 8 && data[1] == (is_short ? fd : ((fd & 127) | 128));
}

quiesce_image_Socket *cr_socket_note(const struct cr_state *state, int fd, struct cr_arena *arena,
                                     struct cr_error *err)
{
    quiesce_image_Socket *s = cr_arena_alloc(arena, sizeof(*s));

    for (const struct cr_note *n = state->first; s != NULL && n != NULL; n = n->next) {
        if (!may_be_of(n, fd))
            continue;
        if (cr_state_decode(n, quiesce_image_Socket_fields, s, err) < 0)
            return NULL;
        if (s->fd == fd)
            return s;
    }
    if (s == NULL)
        cr_fail_memory(err);
    else
        cr_fail(err, CR_EDAMAGED, "the image does not tell about the socket that is descriptor %d",
                fd);
    return NULL;
}

struct cr_socket *cr_socket_keep(struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                 uint64_t inode, int fd)
{
    struct cr_fd_object *o = cr_fd_pool_add(pool, kind, device, inode);
    struct cr_socket *s = cr_arena_alloc(pool->arena, sizeof(*s));

    if (o == NULL || s == NULL)
        return NULL;
    *s = (struct cr_socket){.device = device, .inode = inode, .fd = fd, .other = -1};
    o->value = (uint64_t)(uintptr_t)s;
    o->fds[0] = fd;
    return s;
}

struct cr_socket *cr_socket_find(const struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                 uint64_t inode)
{
    const struct cr_fd_object *o = cr_fd_pool_find(pool, kind, device, inode);

    return o != NULL ? (struct cr_socket *)(uintptr_t)o->value : NULL;
}

int cr_socket_enter(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                    struct cr_socket **ret_socket, struct cr_error *err)
{
    quiesce_image_Socket *note;
    struct cr_socket *s = cr_socket_find(c->pool, d->kind, d->device, d->inode);

    err->code = 0;
    note = cr_socket_note(c->state, d->fd, c->pool->arena, err);
    if (note == NULL)
        return -err->code;
    if (s == NULL)
        s = cr_socket_keep(c->pool, d->kind, d->device, d->inode, -1);
    if (s == NULL)
        return cr_fail_memory(err);
    s->note = note;
    s->state = c->state;
    s->status_flags = d->status_flags;
    *ret_socket = s;
    return 0;
}

void cr_socket_hold(struct cr_fd_pool *pool, uint32_t kind, struct cr_socket *s, int fd)
{
    struct cr_fd_object *o = cr_fd_pool_find(pool, kind, s->device, s->inode);

    o->fds[0] = fd;
    s->fd = fd;
}

void cr_socket_release(struct cr_fd_pool *pool, uint32_t kind, struct cr_socket *s)
{
    cr_sys_close(s->fd);
    cr_socket_hold(pool, kind, s, -1);
}

int cr_socket_give(const struct cr_fd_create *c, const struct cr_socket *s, struct cr_error *err)
{
    int fd = (int)cr_sys(SYS_fcntl, s->fd, F_DUPFD_CLOEXEC, c->floor);

    return fd >= 0 ? fd
                   : cr_fail(err, -fd,
                             "cannot duplicate a socket: %s; raise the limit of open "
                             "files (ulimit -n) and restart",
                             cr_error_words(-fd));
}

int cr_socket_each(struct cr_fd_pool *pool, uint32_t kind, cr_socket_each_fn *each,
                   struct cr_error *err)
{
    int rc = 0;

    for (struct cr_fd_object *o = pool->first; rc == 0 && o != NULL; o = o->next) {
        struct cr_socket *s = (struct cr_socket *)(uintptr_t)o->value;

        if (o->kind == kind && s->note != NULL)
            rc = each(pool, s, err);
    }
    return rc;
}

static void unix_text(const struct sockaddr_un *un, size_t size, char *out, size_t out_size)
{
    size_t name = size - offsetof(struct sockaddr_un, sun_path);

    if (size <= offsetof(struct sockaddr_un, sun_path) || name >= out_size) {
        cr_str_copy(out, out_size, "(no name)");
        return;
    }
    memcpy(out, un->sun_path, name);
    out[name] = '\0';
    if (out[0] == '\0')
        out[0] = '@';
}

void cr_socket_address_text(const void *address, size_t size, char *out, size_t out_size)
{
    union cr_socket_address a = {0};
    size_t length = 0;

    memcpy(&a, address, size < sizeof(a) ? size : sizeof(a));
    if (a.any.sa_family == AF_INET) {
        const uint8_t *b = (const uint8_t *)&a.in.sin_addr;

        cr_fmt(out, out_size, "%u.%u.%u.%u:%u", b[0], b[1], b[2], b[3],
               (unsigned)ntohs(a.in.sin_port));
    } else if (a.any.sa_family == AF_INET6) {
        for (int i = 0; i < 16; i += 2)
            length += cr_fmt(
                out + length, out_size - length, "%s%x", i > 0 ? ":" : "[",
                (unsigned)(a.in6.sin6_addr.s6_addr[i] << 8 | a.in6.sin6_addr.s6_addr[i + 1]));
        cr_fmt(out + length, out_size - length, "]:%u", (unsigned)ntohs(a.in6.sin6_port));
    } else {
        unix_text(&a.un, size, out, out_size);
    }
}

int cr_look_lock(const struct cr_fd_collect *c, const char *what, uint64_t number)
{
    const struct timespec step = {0, 1000000};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length;
    int fd;
    int rc = -EADDRINUSE;

    if (c->state->present_count == 0 && !c->state->in_group)
        return -1;
    fd = (int)cr_sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    length = cr_fmt(name.sun_path + 1, sizeof(name.sun_path) - 1, "quiesce.look.%s.%lu", what,
                    (unsigned long)number);
    for (int i = 0; fd >= 0 && rc == -EADDRINUSE && i < LOCK_TRIES; i++) {
        rc = (int)cr_sys(SYS_bind, fd, &name, offsetof(struct sockaddr_un, sun_path) + 1 + length);
        if (rc == -EADDRINUSE)
            cr_sys(SYS_nanosleep, &step, 0);
    }
    return fd;
}
