/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Unix sockets at a checkpoint; making them again is in cr_fd_unix_back.c. */
#include "cr_fd_unix.h"

#include "cr_fd_diag.h"
#include "cr_fd_queue.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

struct look {
    struct cr_fd_collect *c;
    const struct cr_open_file *file;
    quiesce_image_Socket *s;
    struct cr_diag_unix info;
};

int cr_unix_is_path(const uint8_t *name, size_t size)
{
    return size > offsetof(struct sockaddr_un, sun_path) &&
           name[offsetof(struct sockaddr_un, sun_path)] != '\0';
}

void cr_unix_path(const uint8_t *name, size_t size, char out[CR_UNIX_PATH_SIZE])
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t length = size > start ? size - start : 0;

    if (length >= CR_UNIX_PATH_SIZE)
        length = CR_UNIX_PATH_SIZE - 1;
    memcpy(out, name + start, length);
    out[length] = '\0';
}

static int is_relative(const uint8_t *name, size_t size)
{
    return cr_unix_is_path(name, size) && name[offsetof(struct sockaddr_un, sun_path)] != '/';
}

static void collect_file(struct look *l)
{
    quiesce_image_Socket *s = l->s;
    char path[CR_UNIX_PATH_SIZE];
    struct stat st;

    if (is_relative(s->name.bytes, s->name.size) ||
        is_relative(s->peer_name.bytes, s->peer_name.size))
        cr_sys_readlink("/proc/thread-self/cwd", s->directory, sizeof(s->directory));
    if (!cr_unix_is_path(s->name.bytes, s->name.size))
        return;
    cr_unix_path(s->name.bytes, s->name.size, path);
    if (cr_sys_stat(path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
        (uint32_t)st.st_ino != l->info.file_inode)
        return;
    s->has_file = 1;
    s->file_mode = st.st_mode & 07777;
    s->file_uid = st.st_uid;
    s->file_gid = st.st_gid;
}

static void refuse_partner(struct look *l, const char *what)
{
    char name[128];
    const quiesce_image_Socket *s = l->s;

    if (s->state == quiesce_image_SocketState_SOCKET_LISTENING)
        cr_socket_address_text(s->name.bytes, s->name.size, name, sizeof(name));
    else
        cr_socket_address_text(s->peer_name.bytes, s->peer_name.size, name, sizeof(name));
    cr_refuse(l->c->refusals,
              "descriptor %d is a Unix socket %s %s; save the process at its other end in the same "
              "request, or close it before the checkpoint, for example in a checkpoint callback",
              s->fd, what, name);
}

static int is_present(struct look *l, uint64_t inode)
{
    return inode != 0 && cr_fd_is_present(l->c, l->file->st.st_dev, inode);
}

static void collect_listening(struct look *l)
{
    quiesce_image_Socket *s = l->s;

    s->state = quiesce_image_SocketState_SOCKET_LISTENING;
    s->backlog = l->info.backlog;
    if (l->info.waiting_count > sizeof(s->waiting) / sizeof(*s->waiting)) {
        refuse_partner(l, "at which too many connections wait to be accepted:");
        return;
    }
    for (size_t i = 0; i < l->info.waiting_count; i++) {
        if (is_present(l, l->info.waiting[i]))
            s->waiting[s->waiting_count++] = l->info.waiting[i];
        else
            refuse_partner(l, "at which somebody outside the request waits to be accepted:");
    }
}

/* A client that is not accepted has no other end yet. What it has sent nobody can look at. */
static int collect_waiting(struct look *l, struct cr_error *err)
{
    int64_t listener = cr_diag_unix_listener(l->c->scratch, (uint32_t)l->file->st.st_ino, err);
    int sent = 0;

    if (listener < 0)
        return (int)listener;
    l->s->state = quiesce_image_SocketState_SOCKET_WAITING;
    l->s->partner = (uint64_t)listener;
    if (!is_present(l, (uint64_t)listener))
        refuse_partner(l, "that waits to be accepted by a process outside the request:");
    cr_sys(SYS_ioctl, l->file->fd, SIOCOUTQ, &sent);
    if (sent > 0)
        refuse_partner(l, "with data on a connection that is not accepted yet, which cannot be "
                          "looked at; accept it before the checkpoint:");
    return 0;
}

static void collect_connected(struct look *l, struct cr_error *err)
{
    struct cr_diag_unix peer = {0};

    l->s->state = quiesce_image_SocketState_SOCKET_CONNECTED;
    l->s->partner = l->info.peer;
    if (!is_present(l, l->info.peer))
        refuse_partner(l, "connected to a process outside the request:");
    else if (l->s->type == SOCK_DGRAM && l->s->peer_name.size <= sizeof(sa_family_t) &&
             (cr_diag_unix(l->c->scratch, l->info.peer, &peer, err) < 0 ||
              peer.peer != (uint32_t)l->file->st.st_ino))
        refuse_partner(l, "connected to one without a name that is connected elsewhere:");
}

static int collect_state(struct look *l, struct cr_error *err)
{
    quiesce_image_Socket *s = l->s;
    int is_closed = l->info.shutdown == (CR_UNIX_NO_RECEIVING | CR_UNIX_NO_SENDING);

    if (l->info.state == CR_DIAG_LISTENING)
        collect_listening(l);
    else if (l->info.has_peer && l->info.peer != 0)
        collect_connected(l, err);
    else if (l->info.has_peer && (s->type == SOCK_DGRAM || is_closed))
        s->state = quiesce_image_SocketState_SOCKET_LEFT;
    else if (l->info.has_peer)
        return collect_waiting(l, err);
    if (s->failed && (s->state != quiesce_image_SocketState_SOCKET_LEFT || s->type == SOCK_DGRAM))
        refuse_partner(l, "with an error that the program has not read yet:");
    return 0;
}

static int has_urgent(int fd)
{
    struct pollfd events = {fd, POLLPRI, 0};

    return cr_sys(SYS_poll, &events, 1, 0) > 0 && (events.revents & POLLPRI);
}

static uint64_t amount(const struct look *l)
{
    if (l->s->type == SOCK_DGRAM)
        return CR_QUEUE_ALL;
    /* Looking at nothing would take the error. */
    return l->s->type == SOCK_SEQPACKET && !l->s->failed ? CR_QUEUE_UNTIL_END : l->info.received;
}

static int collect_all(struct look *l, struct cr_error *err)
{
    quiesce_image_Socket *s = l->s;
    int is_receiving = s->state != quiesce_image_SocketState_SOCKET_LISTENING && !s->failed;
    int rc;

    s->shutdown = (uint32_t)l->info.shutdown;
    collect_file(l);
    rc = collect_state(l, err);
    if (rc < 0)
        return rc;
    if (has_urgent(s->fd))
        refuse_partner(l, "with a byte sent out of band; receive it before the checkpoint:");
    rc = cr_socket_add(l->c, s, err);
    if (rc < 0 || (s->type == SOCK_DGRAM && !is_receiving) ||
        s->state == quiesce_image_SocketState_SOCKET_LISTENING)
        return rc;
    return cr_queue_collect(l->c, l->file, amount(l), err);
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct look l = {c, file, cr_arena_alloc(c->scratch, sizeof(quiesce_image_Socket)), {0}};
    int rc;

    (void)d;
    (void)link;
    if (l.s == NULL)
        return cr_fail_memory(err);
    cr_socket_collect(c, file, l.s);
    rc = cr_diag_unix(c->scratch, (uint32_t)file->st.st_ino, &l.info, err);
    if (rc == -ENOENT) {
        cr_refuse(
            c->refusals,
            "descriptor %d is a Unix socket of another network namespace; close it before the "
            "checkpoint",
            file->fd);
        return 0;
    }
    return rc < 0 ? rc : collect_all(&l, err);
}

/* A standard stream that leads to somebody outside is the restarter's at a restart. */
static int leads_outside(const struct cr_fd_collect *c, const struct cr_open_file *file)
{
    size_t mark = c->scratch->used;
    struct cr_diag_unix info = {0};
    int rc = cr_diag_unix(c->scratch, (uint32_t)file->st.st_ino, &info, NULL);

    c->scratch->used = mark;
    return rc < 0 ||
           (info.has_peer && info.peer != 0 && !cr_fd_is_present(c, file->st.st_dev, info.peer));
}

static int matches(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    int is_standard = file->fd <= 2 || (file->same_as >= 0 && file->same_as <= 2);

    (void)link;
    return S_ISSOCK(file->st.st_mode) &&
           cr_socket_option(file->fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX &&
           !(is_standard && leads_outside(c, file));
}

const struct cr_fd_kind cr_fd_unix = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_UNIX,
                                      .matches = matches,
                                      .collect = collect,
                                      .create = cr_unix_create,
                                      .complete = cr_unix_complete,
                                      .finish = cr_unix_finish};
