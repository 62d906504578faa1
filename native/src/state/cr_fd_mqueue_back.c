/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. POSIX message queues at a restart. */
#include "cr_fd_mqueue.h"

#include "cr_fd_common.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_QUEUE

/* A queue without a name gets one for a moment. */
static int open_queue(const quiesce_image_Descriptor *d, const quiesce_image_Queue *q)
{
    struct mq_attr attributes = {.mq_maxmsg = (long)q->max_messages,
                                 .mq_msgsize = (long)q->message_size};
    int deleted = cr_str_ends(d->path, CR_DELETED_SUFFIX);
    char name[256];
    int fd;

    if (deleted)
        cr_fmt(name, sizeof(name), "quiesce-%d-%lx", cr_sys_getpid(), (unsigned long)d->inode);
    else
        cr_str_copy(name, sizeof(name), d->path + 1);
    fd = (int)cr_sys(SYS_mq_open, name,
                     O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC | (deleted ? O_EXCL : 0), q->mode,
                     &attributes);
    if (fd >= 0 && deleted)
        cr_sys(SYS_mq_unlink, name);
    return fd;
}

/* What some process of the request has seen in the queue. */
static const struct cr_note *find_messages(const struct cr_fd_create *c,
                                           const quiesce_image_Descriptor *d)
{
    const struct cr_state *member;

    for (size_t i = 0; (member = cr_fd_member(c, i)) != NULL; i++) {
        for (const struct cr_note *note = member->first; note != NULL; note = note->next) {
            const struct cr_mqueue_data *data = note->data;

            if (note->type == quiesce_image_NoteType_NOTE_QUEUE_MESSAGES &&
                note->size >= sizeof(*data) && data->device == d->device && data->inode == d->inode)
                return note;
        }
    }
    return NULL;
}

/* A queue that outlived its processes may have the messages still. */
static int has_same(struct cr_fd_create *c, int fd, const struct mq_attr *now,
                    const struct cr_note *note)
{
    struct cr_mqueue_data *data;
    size_t size;

    return note != NULL && cr_mqueue_copy(c->scratch, fd, now, &data, &size) == 0 &&
           size == note->size &&
           data->count == ((const struct cr_mqueue_data *)note->data)->count &&
           memcmp(data + 1, (const struct cr_mqueue_data *)note->data + 1, size - sizeof(*data)) ==
               0;
}

static int check_and_fill(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                          const quiesce_image_Queue *q, int fd, struct cr_error *err)
{
    const struct cr_note *note = find_messages(c, d);
    struct mq_attr now = {0};
    int rc = cr_mqueue_attributes(fd, &now);

    if (rc < 0 || (uint64_t)now.mq_maxmsg != q->max_messages ||
        (uint64_t)now.mq_msgsize != q->message_size ||
        (now.mq_curmsgs != 0 && !has_same(c, fd, &now, note)))
        return cr_fail(
            err, CR_EFILECHANGED,
            "the message queue %s (descriptor %d), which was for %lu messages of %lu bytes, has "
            "%ld other messages now, and room for %ld of %ld bytes; remove it and restart",
            d->path, d->fd, (unsigned long)q->max_messages, (unsigned long)q->message_size,
            (long)now.mq_curmsgs, (long)now.mq_maxmsg, (long)now.mq_msgsize);
    if (note == NULL || now.mq_curmsgs != 0)
        return 0;
    rc = cr_mqueue_send(fd, note->data, note->size);
    return rc < 0 ? cr_fail(err, -rc,
                            "cannot put the messages back into the queue %s (descriptor %d): %s",
                            d->path, d->fd, cr_error_words(-rc))
                  : 0;
}

static int make(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                const quiesce_image_Queue *q, struct cr_fd_object *o, struct cr_error *err)
{
    o->fds[0] = cr_fd_raise(open_queue(d, q), c->floor);
    if (o->fds[0] >= 0)
        return check_and_fill(c, d, q, o->fds[0], err);
    return cr_fail(err, -o->fds[0], "cannot make the message queue %s (descriptor %d) again: %s",
                   d->path, d->fd, cr_error_words(-o->fds[0]));
}

static int find(const struct cr_state *state, const quiesce_image_Descriptor *d,
                quiesce_image_Queue *q, struct cr_error *err)
{
    return cr_fd_note_find(state, quiesce_image_NoteType_NOTE_QUEUE, quiesce_image_Queue_fields,
                           d->fd, q, err);
}

int cr_mqueue_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                     struct cr_error *err)
{
    quiesce_image_Queue q = quiesce_image_Queue_init_zero;
    struct cr_fd_object *o = cr_fd_pool_find(c->pool, KIND, d->device, d->inode);
    int rc = find(c->state, d, &q, err);

    if (rc == 0 && o == NULL) {
        o = cr_fd_pool_add(c->pool, KIND, d->device, d->inode);
        rc = o != NULL ? make(c, d, &q, o, err) : cr_fail_memory(err);
    }
    if (rc < 0)
        return rc;
    return cr_fd_complete(c, d, cr_fd_reopen(o->fds[0], (int)(d->status_flags & O_ACCMODE)),
                          "a message queue", err);
}

/* What is noted about this queue is found by the device and inode that it has now, and nothing else is. */
static void note_again(const quiesce_image_Queue *q, const struct stat *st)
{
    for (struct cr_mqueue_notice *n = cr_mqueue_notices; n != NULL; n = n->next) {
        if (n->device == st->st_dev && n->inode == st->st_ino)
            n->device = n->inode = 0;
        if ((uint64_t)n != q->notice_at)
            continue;
        n->device = st->st_dev;
        n->inode = st->st_ino;
    }
}

int cr_mqueue_finish(struct cr_state *state, const quiesce_image_Descriptor *d,
                     struct cr_error *err)
{
    quiesce_image_Queue q = quiesce_image_Queue_init_zero;
    struct sigevent event = {0};
    struct stat st;
    int rc = find(state, d, &q, err);

    if (rc < 0 || !q.notified)
        return rc;
    if (cr_sys_fstat(d->fd, &st) == 0)
        note_again(&q, &st);
    event.sigev_notify = (int)q.notice_kind;
    event.sigev_signo = (int)q.notice_signal;
    event.sigev_value.sival_ptr = (void *)q.notice_value;
    rc = (int)cr_sys(SYS_mq_notify, d->fd, &event);
    return rc < 0 ? cr_fail(err, -rc,
                            "cannot be told of messages of the queue %s (descriptor %d) again: %s",
                            d->path, d->fd, cr_error_words(-rc))
                  : 0;
}
