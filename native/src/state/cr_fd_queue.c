/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Looking into the queues of sockets; reading what was seen from an image is in cr_fd_queue_read.c. */
#include "cr_fd_queue.h"

#include "cr_fd_flight.h"
#include "cr_fd_socket.h"
#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* One message is at most as long as the send buffer of its sender. */
#define MESSAGE_MAX (16UL << 20)
#define CONTROL_SIZE 2048

#define UP(x, to) (((x) + (to)-1) & ~(size_t)((to)-1))

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

struct look {
    struct cr_fd_collect *c;
    struct cr_arena *out;     /* what is seen goes here */
    struct cr_flight *flight; /* descriptors go here; NULL: there should be none */
    int fd;
    int is_fixed;    /* the kernel shows only the beginning: TCP before Linux 6.10 */
    int is_messages; /* with borders: an empty one is one as well */
    int can_end;     /* the end of a connection looks like an empty message without credentials */
    int has_credentials; /* the program wants them */
    int is_hidden;       /* an empty message has been seen that cannot be seen again */
    int is_cut;          /* there was more with the last message than there was room for */
    size_t right_count;  /* descriptors that the last message had with it */
    int rights[CR_FLIGHT_PER_MESSAGE];
    char *buffer;
    struct cr_queue_head *head;
    union cr_socket_address name;
    union {
        struct cmsghdr first;
        char bytes[CONTROL_SIZE];
    } control;
    struct cr_queue_message message;
};

/* Looking at descriptors in flight has made others of them here. */
static void take_rights(struct look *l, const struct cmsghdr *c, size_t count)
{
    const int *fds = (const void *)CMSG_DATA(c);

    for (size_t i = 0; i < count; i++) {
        if (c->cmsg_type == SCM_RIGHTS && l->right_count < CR_FLIGHT_PER_MESSAGE)
            l->rights[l->right_count++] = fds[i];
        else
            cr_sys_close(fds[i]);
    }
}

static void take_control(struct look *l, const struct msghdr *h)
{
    const char *at = l->control.bytes;
    const char *end = at + h->msg_controllen;

    l->right_count = 0;
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
            take_rights(l, c, size / sizeof(int));
        }
        at += CMSG_ALIGN(c->cmsg_len);
    }
}

/* Adds the message to what is being built. */
static int keep(struct look *l, size_t size)
{
    size_t name_size = UP(l->message.name_size, 8);
    size_t rights_size = UP(l->right_count * sizeof(int32_t), 8);
    size_t total = sizeof(l->message) + name_size + rights_size + size;
    char *at = cr_arena_alloc(l->out, UP(total, 16));

    if (at == NULL)
        return -ENOMEM;
    l->message.size = (uint32_t)size;
    l->message.rights = (uint16_t)l->right_count;
    memcpy(at, &l->message, sizeof(l->message));
    at += sizeof(l->message);
    memcpy(at, &l->name, l->message.name_size);
    memcpy(at + name_size, l->rights, l->right_count * sizeof(int32_t));
    memcpy(at + name_size + rights_size, l->buffer, size);
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

/* Looks at up to LENGTH bytes, with ROOM for what comes with them. Returns how many there are, or -errno. */
static long peek(struct look *l, size_t length, size_t room)
{
    struct iovec part = {l->buffer, length};
    struct msghdr h = {.msg_name = &l->name,
                       .msg_namelen = sizeof(l->name),
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = room > 0 ? l->control.bytes : NULL,
                       .msg_controllen = room};
    long n = cr_sys(SYS_recvmsg, l->fd, &h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return n;
    l->message = (struct cr_queue_message){.name_size = (uint16_t)h.msg_namelen};
    l->is_cut = (h.msg_flags & MSG_CTRUNC) != 0;
    take_control(l, &h);
    if (length == MESSAGE_MAX && (h.msg_flags & MSG_TRUNC))
        cr_refuse(
            l->c->refusals,
            "socket %d has received a message of more than %lu bytes; let the program receive "
            "it before the checkpoint",
            l->fd, MESSAGE_MAX);
    return n;
}

/* Room for all but descriptors: they are not made, and IS_CUT says that there are some. */
static size_t room_without_rights(const struct look *l)
{
    return l->has_credentials ? CMSG_SPACE(sizeof(struct ucred)) : 0;
}

/*
 * The N bytes of a stream from PLACE on end with a piece that brings descriptors. How long is what comes before it? The kernel
 * goes on to the next piece even where there is no room for a byte of it; but a piece that it cannot write to memory it leaves
 * alone, and its descriptors with it. So the last byte gets no memory. Returns the length, or -errno.
 */
static long length_before_piece(const struct look *l, uint64_t place, size_t n)
{
    uint64_t nowhere = cr_sys_mmap(0, CR_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec parts[2] = {{l->buffer, n - 1}, {(void *)nowhere, 1}};
    struct msghdr h = {.msg_iov = parts, .msg_iovlen = 2};
    long length;

    if (cr_sys_is_error(nowhere))
        return (long)nowhere;
    cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, (int)place);
    length = cr_sys(SYS_recvmsg, l->fd, &h, MSG_PEEK | MSG_DONTWAIT);
    cr_sys_munmap(nowhere, CR_PAGE);
    return length == -EFAULT ? 0 : length;
}

/* The next N bytes of a stream end with such a piece: what comes before it is a message of its own. */
static long look_at_piece(struct look *l, size_t n)
{
    uint64_t place = l->head->size;
    long before = n < MESSAGE_MAX ? length_before_piece(l, place, n) : -E2BIG;

    if (before < 0)
        return before;
    cr_socket_set(l->fd, SOL_SOCKET, SO_PEEK_OFF, (int)place);
    if (before == 0)
        return peek(l, MESSAGE_MAX, CONTROL_SIZE);
    before = peek(l, (size_t)before, room_without_rights(l));
    l->is_cut = 0;
    return before;
}

/* What was seen becomes the flight's; otherwise nothing may be left of it. */
static void keep_rights(struct look *l)
{
    if (l->flight == NULL) {
        for (size_t i = 0; i < l->right_count; i++)
            cr_sys_close(l->rights[i]);
    } else if (cr_flight_take(l->flight, l->rights, l->right_count) < 0) {
        cr_refuse(l->c->refusals,
                  "more than %d descriptors are in flight in Unix sockets; let the program receive "
                  "them before the checkpoint",
                  CR_FLIGHT_MAX);
        l->right_count = 0;
    }
    if (l->flight == NULL ? l->right_count > 0 || l->is_cut : l->is_cut)
        cr_refuse(l->c->refusals,
                  "socket %d has received descriptors that the program has not taken yet, and they "
                  "cannot be looked at; let it receive them before the checkpoint, or raise the "
                  "limit of open files (ulimit -Hn)",
                  l->fd);
    if (l->flight == NULL)
        l->right_count = 0;
}

/* Looks at the next message. Returns its length or -errno. */
static long look_next(struct look *l)
{
    int is_searched = l->flight != NULL && !l->is_messages;
    long n = peek(l, MESSAGE_MAX, is_searched ? room_without_rights(l) : CONTROL_SIZE);

    if (n > 0 && is_searched && l->is_cut)
        n = look_at_piece(l, (size_t)n);
    if (n < 0)
        return n;
    if (n == 0 && l->can_end && !(l->message.flags & CR_QUEUE_HAS_CREDENTIALS))
        return -EAGAIN;
    if (l->can_end && !l->has_credentials)
        forget_credentials(&l->message);
    keep_rights(l);
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

/* What else the kernel may tell about messages is of no interest, and would take the room of descriptors. */
static int set_aside(const struct look *l, int name)
{
    int value = l->flight != NULL ? cr_socket_option(l->fd, SOL_SOCKET, name) : -1;

    if (value > 0)
        cr_socket_set(l->fd, SOL_SOCKET, name, 0);
    return value;
}

static void put_aside_back(const struct look *l, int name, int value)
{
    if (value > 0)
        cr_socket_set(l->fd, SOL_SOCKET, name, value);
}

static int look(struct look *l, uint64_t size, struct cr_error *err)
{
    int pidfd = set_aside(l, SO_PASSPIDFD);
    int label = set_aside(l, SO_PASSSEC);
    int rc;

    l->head = cr_arena_alloc(l->out, sizeof(*l->head));
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
    put_aside_back(l, SO_PASSPIDFD, pidfd);
    put_aside_back(l, SO_PASSSEC, label);
    return rc;
}

/* OUT may be C's scratch memory. */
static int look_locked(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                       struct cr_arena *out, struct cr_flight *flight,
                       const struct cr_queue_head **ret_head, struct cr_error *err)
{
    struct look *l = cr_arena_alloc(c->scratch, sizeof(*l));
    char *buffer = cr_arena_alloc(c->scratch, MESSAGE_MAX);
    int locked;
    int rc;

    if (l == NULL || buffer == NULL)
        return cr_fail_memory(err);
    *l = (struct look){.c = c, .out = out, .flight = flight, .fd = file->fd, .buffer = buffer};
    /* The place at which one looks is kept in the socket. */
    locked = cr_look_lock(c, "socket", file->st.st_ino);
    rc = look(l, size, err);
    if (locked >= 0)
        cr_sys_close(locked);
    *ret_head = l->head;
    return rc;
}

int cr_queue_gather(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                    struct cr_flight *flight, const struct cr_queue_head **ret_note,
                    struct cr_error *err)
{
    return look_locked(c, file, size, &flight->arena, flight, ret_note, err);
}

/* Descriptors in flight are told by the lowest number that their open file descriptions have. */
static int32_t lowest(const struct cr_fd_collect *c, int32_t fd)
{
    for (size_t i = 0; i < c->file_count; i++) {
        if (c->files[i].fd == fd)
            return c->files[i].same_as >= 0 ? c->files[i].same_as : fd;
    }
    return fd;
}

static int add_note(struct cr_fd_collect *c, int fd, const void *note, size_t size,
                    struct cr_error *err)
{
    struct cr_queue_reader reader;
    struct cr_queued m;
    struct cr_note whole;
    void *data;
    int rc = cr_state_add_raw(c->state, quiesce_image_NoteType_NOTE_SOCKET_QUEUE, size, &data, err);

    if (rc < 0)
        return rc;
    memcpy(data, note, size);
    ((struct cr_queue_head *)data)->fd = fd;
    whole = (struct cr_note){.size = (uint32_t)size, .data = data};
    rc = cr_queue_read_note(&whole, &reader, err);
    while (rc >= 0 && (rc = cr_queue_next(&reader, &m, err)) > 0) {
        int32_t *rights = (int32_t *)m.rights;

        for (size_t i = 0; i < m.head.rights; i++)
            rights[i] = lowest(c, rights[i]);
    }
    return rc;
}

int cr_queue_collect(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                     struct cr_error *err)
{
    const struct cr_flight_queue *seen =
        cr_flight_queue_of(c->state, file->st.st_dev, file->st.st_ino);
    const struct cr_queue_head *head;
    int rc;

    if (size == 0)
        return 0;
    if (seen != NULL)
        return add_note(c, file->fd, seen->note, seen->size, err);
    rc = look_locked(c, file, size, c->scratch, NULL, &head, err);
    if (rc < 0 || head->count == 0)
        return rc;
    return add_note(c, file->fd, head, c->scratch->base + c->scratch->used - (uint64_t)head, err);
}
