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
    int is_fixed; /* the kernel shows only the beginning: TCP before Linux 6.10 */
    int flight;   /* descriptors that the last message had with it */
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

static int look_at_all(struct look *l, uint64_t size, struct cr_error *err)
{
    int is_stream = size != CR_QUEUE_ALL;
    int rc = 0;

    while (rc == 0 && (!is_stream || l->head->size < size)) {
        long n = look_next(l);

        if (n == -EAGAIN || (n == 0 && is_stream))
            break;
        if (n < 0)
            return cr_fail(err, (int)-n, "looking at what socket %d has received: %s", l->fd,
                           cr_error_words((int)-n));
        rc = keep(l, (size_t)n);
        if (rc < 0)
            return cr_fail_memory(err);
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

static int look(struct look *l, uint64_t size, struct cr_error *err)
{
    int place = cr_socket_option(l->fd, SOL_SOCKET, SO_PEEK_OFF);
    int rc;

    l->head = cr_arena_alloc(l->c->scratch, sizeof(*l->head));
    if (l->head == NULL)
        return cr_fail_memory(err);
    *l->head = (struct cr_queue_head){.fd = l->fd};
    l->is_fixed = cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, 0) < 0;
    rc = look_at_all(l, size, err);
    cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, place);
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
