/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. POSIX message queues. Messages can only be seen by taking them, and nothing may be taken from a program
 * that goes on; so a queue must be empty.
 */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <mqueue.h>
#include <sys/statfs.h>

#define MQUEUE_MAGIC 0x19800202

static int is_queue(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    struct statfs fs;

    (void)c;
    return S_ISREG(file->st.st_mode) && link[0] == '/' && cr_sys(SYS_fstatfs, file->fd, &fs) == 0 &&
           fs.f_type == MQUEUE_MAGIC;
}

static int get(int fd, struct mq_attr *ret_attributes)
{
    return (int)cr_sys(SYS_mq_getsetattr, fd, 0, ret_attributes);
}

/* The pid that is told of messages ("NOTIFY_PID:0"), or a negative code. */
static int notified_pid(int fd)
{
    int reader = cr_fd_reopen(fd, O_RDONLY);
    char text[128];
    long n = reader < 0 ? reader : cr_sys_read(reader, text, sizeof(text) - 1);

    if (reader >= 0)
        cr_sys_close(reader);
    if (n < 0)
        return (int)n;
    text[n] = '\0';
    for (const char *at = text; *at != '\0'; at++) {
        if (!cr_str_starts(at, "NOTIFY_PID:"))
            continue;
        at += sizeof("NOTIFY_PID:") - 1;
        return (int)cr_parse_u64(&at, 10);
    }
    return -EINVAL;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Queue q = {.fd = file->fd, .mode = file->st.st_mode & 07777};
    struct mq_attr attributes = {0};
    int rc = get(file->fd, &attributes);

    (void)d;
    if (rc < 0)
        return cr_fail(err, -rc, "cannot look at the message queue of descriptor %d: %s", file->fd,
                       cr_error_words(-rc));
    if (attributes.mq_curmsgs > 0)
        cr_refuse(
            c->refusals,
            "descriptor %d is a message queue (%s) with %ld messages; receive them before the "
            "checkpoint",
            file->fd, link, (long)attributes.mq_curmsgs);
    else if (notified_pid(file->fd) != 0)
        cr_refuse(c->refusals,
                  "descriptor %d is a message queue (%s) of whose messages a process is told; take "
                  "that back with mq_notify() before the checkpoint",
                  file->fd, link);
    q.max_messages = (uint64_t)attributes.mq_maxmsg;
    q.message_size = (uint64_t)attributes.mq_msgsize;
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_QUEUE, quiesce_image_Queue_fields, &q,
                        err);
}

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

static int check(const quiesce_image_Descriptor *d, const quiesce_image_Queue *q, int fd,
                 struct cr_error *err)
{
    struct mq_attr now = {0};
    int rc = get(fd, &now);

    if (rc == 0 && now.mq_curmsgs == 0 && (uint64_t)now.mq_maxmsg == q->max_messages &&
        (uint64_t)now.mq_msgsize == q->message_size)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "the message queue %s (descriptor %d) was empty, for %lu messages of %lu bytes, "
                   "and has %ld messages now, for %ld of %ld bytes; empty or remove it and restart",
                   d->path, d->fd, (unsigned long)q->max_messages, (unsigned long)q->message_size,
                   (long)now.mq_curmsgs, (long)now.mq_maxmsg, (long)now.mq_msgsize);
}

static int make(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                const quiesce_image_Queue *q, struct cr_fd_object *o, struct cr_error *err)
{
    o->fds[0] = cr_fd_raise(open_queue(d, q), c->floor);
    if (o->fds[0] >= 0)
        return check(d, q, o->fds[0], err);
    return cr_fail(err, -o->fds[0], "cannot make the message queue %s (descriptor %d) again: %s",
                   d->path, d->fd, cr_error_words(-o->fds[0]));
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Queue q = quiesce_image_Queue_init_zero;
    struct cr_fd_object *o = cr_fd_pool_find(c->pool, quiesce_image_DescriptorKind_DESCRIPTOR_QUEUE,
                                             d->device, d->inode);
    int rc = cr_fd_note_find(c->state, quiesce_image_NoteType_NOTE_QUEUE,
                             quiesce_image_Queue_fields, d->fd, &q, err);

    if (rc == 0 && o == NULL) {
        o = cr_fd_pool_add(c->pool, quiesce_image_DescriptorKind_DESCRIPTOR_QUEUE, d->device,
                           d->inode);
        rc = o != NULL ? make(c, d, &q, o, err) : cr_fail_memory(err);
    }
    if (rc < 0)
        return rc;
    return cr_fd_complete(c, d, cr_fd_reopen(o->fds[0], (int)(d->status_flags & O_ACCMODE)),
                          "a message queue", err);
}

const struct cr_fd_kind cr_fd_mqueue = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_QUEUE,
                                        .matches = is_queue,
                                        .collect = collect,
                                        .create = create};
