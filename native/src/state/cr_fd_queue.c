/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Looking into the queues of sockets; reading what was seen from an image is in cr_fd_queue_read.c. */
#include "cr_fd_queue.h"

#include "cr_fd_socket.h"
#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

/* One message is at most as long as the send buffer of its sender. */
#define MESSAGE_MAX (16UL << 20)
#define CONTROL_SIZE 2048

#define UP(x, to) (((x) + (to)-1) & ~(size_t)((to)-1))

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

struct look {
    struct cr_fd_collect *c;
    int fd;
    int is_fixed;    /* the kernel shows only the beginning: TCP before Linux 6.10 */
    int is_messages; /* with borders: an empty one is one as well */
    int can_end;     /* the end of a connection looks like an empty message without credentials */
    int has_credentials; /* the program wants them */
    int is_hidden;       /* an empty message has been seen that cannot be seen again */
    int flight;          /* descriptors that the last message had with it */
    char *buffer;
    struct cr_queue_head *head;
    union cr_socket_address name;
    union {
        struct cmsghdr first;
        char bytes[CONTROL_SIZE];
    } control;
    struct cr_queue_message message;
};

static void close_all(const struct cmsghdr *c, size_t size)
{
    const int *fds = (const void *)CMSG_DATA(c);

    for (size_t i = 0; i < size / sizeof(int); i++)
        cr_sys_close(fds[i]);
}

/* Looking at descriptors in flight has made copies of them here. */
static void take_control(struct look *l, const struct msghdr *h)
{
    const char *at = l->control.bytes;
    const char *end = at + h->msg_controllen;

    l->flight = 0;
    while (at + sizeof(struct cmsghdr) <= end) {
        const struct cmsghdr *c = (const void *)at;
        size_t size = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_len < sizeof(*c) || at + c->cmsg_len > end)
            return;
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred credentials;

            memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
            l->message.pid = credentials.pid;
            l->message.uid = credentials.uid;
            l->message.gid = credentials.gid;
            l->message.flags |= CR_QUEUE_HAS_CREDENTIALS;
            l->message.flags |= credentials.pid == cr_sys_getpid() ? CR_QUEUE_OWN : 0U;
        } else if (c->cmsg_level == SOL_SOCKET &&
                   (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD)) {
            if (c->cmsg_type == SCM_RIGHTS)
                l->flight += (int)(size / sizeof(int));
            close_all(c, size);
        }
        at += CMSG_ALIGN(c->cmsg_len);
    }
}

/* Adds the message to what is being built in the scratch memory. */
static int keep(struct look *l, size_t size)
{
    size_t name_size = UP(l->message.name_size, 8);
    size_t total = sizeof(l->message) + name_size + size;
    char *at = cr_arena_alloc(l->c->scratch, UP(total, 16));

    if (at == NULL)
        return -ENOMEM;
    l->message.size = (uint32_t)size;
    memcpy(at, &l->message, sizeof(l->message));
    memcpy(at + sizeof(l->message), &l->name, l->message.name_size);
    memcpy(at + sizeof(l->message) + name_size, l->buffer, size);
    l->head->count++;
    l->head->size += size;
    return 0;
}

static void forget_credentials(struct cr_queue_message *m)
{
    m->pid = 0;
    m->uid = 0;
    m->gid = 0;
    m->flags = 0;
}

/* Looks at the next message. Returns its length or -errno. */
static long look_next(struct look *l)
{
    struct iovec part = {l->buffer, MESSAGE_MAX};
    struct msghdr h = {.msg_name = &l->name,
                       .msg_namelen = sizeof(l->name),
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = l->control.bytes,
                       .msg_controllen = CONTROL_SIZE};
    long n = cr_sys(SYS_recvmsg, l->fd, &h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return n;
    l->message = (struct cr_queue_message){.name_size = (uint16_t)h.msg_namelen};
    take_control(l, &h);
    if (n == 0 && l->can_end && !(l->message.flags & CR_QUEUE_HAS_CREDENTIALS))
        return -EAGAIN;
    if (l->can_end && !l->has_credentials)
        forget_credentials(&l->message);
    if (l->flight > 0 || (h.msg_flags & MSG_CTRUNC))
        cr_refuse(l->c->refusals,
                  "socket %d has received descriptors that the program has not taken yet; let it "
                  "receive them before the checkpoint",
                  l->fd);
    if (h.msg_flags & MSG_TRUNC)
        cr_refuse(
            l->c->refusals,
            "socket %d has received a message of more than %lu bytes; let the program receive "
            "it before the checkpoint",
            l->fd, MESSAGE_MAX);
    return n;
}

static int fail_look(const struct look *l, long rc, struct cr_error *err)
{
    return cr_fail(err, (int)-rc, "looking at what socket %d has received: %s", l->fd,
                   cr_error_words((int)-rc));
}

/* There is a first message. */
static void check_place(const struct look *l, int place)
{
    if (place == CR_QUEUE_HIDES_EMPTY)
        cr_refuse(l->c->refusals,
                  "socket %d may have received an empty message that was looked at before and "
                  "cannot be seen again; let the program receive what waits before the checkpoint",
                  l->fd);
    else if (place >= 0)
        cr_refuse(l->c->refusals,
                  "socket %d has received messages that the program looks at from a place "
                  "(SO_PEEK_OFF), which hides empty ones; let it receive them before the "
                  "checkpoint",
                  l->fd);
}

/* The first message can always be seen; looking from a place passes over it if it is empty and marked. */
static int look_at_first(struct look *l, int *place, struct cr_error *err)
{
    char byte;
    long n;

    cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, CR_QUEUE_NO_PLACE);
    n = cr_sys(SYS_recvfrom, l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC, 0, 0);
    if (n == 0)
        n = look_next(l);
    if (n < 0 && n != -EAGAIN)
        return fail_look(l, n, err);
    if (n >= 0)
        check_place(l, *place);
    else if (*place == CR_QUEUE_HIDES_EMPTY)
        *place = CR_QUEUE_NO_PLACE;
    return n == 0 && keep(l, 0) < 0 ? cr_fail_memory(err) : 0;
}

static int look_at_all(struct look *l, uint64_t size, struct cr_error *err)
{
    int is_stream = !l->is_messages;
    int rc = 0;

    while (rc == 0 && (!is_stream || l->head->size < size)) {
        long n = look_next(l);

        if (n == -EAGAIN || (n == 0 && is_stream))
            break;
        if (n < 0)
            return fail_look(l, n, err);
        rc = keep(l, (size_t)n);
        if (rc < 0)
            return cr_fail_memory(err);
        l->is_hidden |= n == 0;
        if (l->is_fixed)
            break;
    }
    if (is_stream && l->head->size != size)
        cr_refuse(
            l->c->refusals,
            "socket %d has received %lu bytes, of which %lu can be seen; let the program read "
            "them before the checkpoint",
            l->fd, (unsigned long)size, (unsigned long)l->head->size);
    return rc;
}

static int add_note(struct cr_fd_collect *c, const struct cr_queue_head *head, struct cr_error *err)
{
    size_t size = c->scratch->base + c->scratch->used - (uint64_t)head;
    void *data;
    int rc = cr_state_add_raw(c->state, quiesce_image_NoteType_NOTE_SOCKET_QUEUE, size, &data, err);

    if (rc == 0)
        memcpy(data, head, size);
    return rc;
}

static int look_from_places(struct look *l, uint64_t size, struct cr_error *err)
{
    int place = cr_socket_option(l->fd, SOL_SOCKET, SO_PEEK_OFF);
    int rc = l->is_messages ? look_at_first(l, &place, err) : 0;

    l->is_fixed = cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, 0) < 0;
    if (rc == 0)
        rc = look_at_all(l, size, err);
    if (l->is_hidden && place < 0)
        place = CR_QUEUE_HIDES_EMPTY;
    cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, place);
    return rc;
}

static int look(struct look *l, uint64_t size, struct cr_error *err)
{
    int rc;

    l->head = cr_arena_alloc(l->c->scratch, sizeof(*l->head));
    if (l->head == NULL)
        return cr_fail_memory(err);
    *l->head = (struct cr_queue_head){.fd = l->fd};
    l->is_messages = size >= CR_QUEUE_UNTIL_END;
    l->can_end = size == CR_QUEUE_UNTIL_END;
    l->has_credentials = cr_socket_option(l->fd, SOL_SOCKET, SO_PASSCRED) > 0;
    if (l->can_end)
        cr_socket_set(l->fd, SOL_SOCKET, SO_PASSCRED, 1);
    rc = look_from_places(l, size, err);
    if (l->can_end)
        cr_socket_set(l->fd, SOL_SOCKET, SO_PASSCRED, l->has_credentials);
    return rc == 0 && l->head->count > 0 ? add_note(l->c, l->head, err) : rc;
}

int cr_queue_collect(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                     struct cr_error *err)
{
    struct look *l = cr_arena_alloc(c->scratch, sizeof(*l));
    int locked;
    int rc;

    if (size == 0)
        return 0;
    if (l != NULL)
        l->buffer = cr_arena_alloc(c->scratch, MESSAGE_MAX);
    if (l == NULL || l->buffer == NULL)
        return cr_fail_memory(err);
    *l = (struct look){.c = c, .fd = file->fd, .buffer = l->buffer};
    /* The place at which one looks is kept in the socket. */
    locked = cr_look_lock(c, "socket", file->st.st_ino);
    rc = look(l, size, err);
    if (locked >= 0)
        cr_sys_close(locked);
    return rc;
}
