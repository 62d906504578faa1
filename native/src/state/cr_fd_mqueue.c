/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. POSIX message queues at a checkpoint. Closing any descriptor of a queue takes mq_notify() back where this
 * process has called that, so it is called again afterwards; and a message that is put back into an empty queue would be told.
 */
#include "cr_fd_mqueue.h"

#include "cr_fd_common.h"
#include "cr_fd_socket.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/statfs.h>

#define MQUEUE_MAGIC 0x19800202

struct cr_mqueue_notice *cr_mqueue_notices;

struct look {
    struct cr_fd_collect *c;
    const struct cr_open_file *file;
    const char *link;
    struct mq_attr attributes;
    int kind, signal, pid; /* whom the kernel tells; pid 0: nobody */
    int is_own;
    const struct cr_mqueue_notice *notice; /* is_own: what it was called with */
};

static int is_queue(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    struct statfs fs;

    (void)c;
    return S_ISREG(file->st.st_mode) && link[0] == '/' && cr_sys(SYS_fstatfs, file->fd, &fs) == 0 &&
           fs.f_type == MQUEUE_MAGIC;
}

static const struct cr_mqueue_notice *find_notice(const struct stat *st)
{
    const struct cr_mqueue_notice *n = __atomic_load_n(&cr_mqueue_notices, __ATOMIC_ACQUIRE);

    while (n != NULL && (n->device != st->st_dev || n->inode != st->st_ino))
        n = n->next;
    return n;
}

/* Tells the kernel again what it knew, after a descriptor was closed. */
static int tell_again(const struct look *l)
{
    struct sigevent event = {0};

    if (!l->is_own)
        return 0;
    event.sigev_notify = l->notice->kind;
    event.sigev_signo = l->notice->signal;
    event.sigev_value.sival_ptr = (void *)l->notice->value;
    return (int)cr_sys(SYS_mq_notify, l->file->fd, &event);
}

static int word(const char *text, const char *name)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (!cr_str_starts(at, name))
            continue;
        at += cr_strlen(name);
        return (int)cr_parse_u64(&at, 10);
    }
    return -1;
}

/* "QSIZE:129 NOTIFY:0 SIGNO:10 NOTIFY_PID:77". A descriptor that only writes cannot read that. */
static int read_notified(struct look *l)
{
    int is_readable = (cr_sys(SYS_fcntl, l->file->fd, F_GETFL, 0) & O_ACCMODE) != O_WRONLY;
    int fd = is_readable ? l->file->fd : cr_fd_reopen(l->file->fd, O_RDONLY);
    char text[160];
    long n = fd < 0 ? fd : cr_sys_pread(fd, text, sizeof(text) - 1, 0);

    if (n >= 0) {
        text[n] = '\0';
        l->kind = word(text, "NOTIFY:");
        l->signal = word(text, "SIGNO:");
        l->pid = word(text, "NOTIFY_PID:");
    }
    l->is_own = n >= 0 && l->pid == cr_sys_getpid();
    l->notice = l->is_own ? find_notice(&l->file->st) : NULL;
    l->is_own = l->is_own && l->notice != NULL;
    if (!is_readable && fd >= 0) {
        cr_sys_close(fd);
        if (n >= 0)
            tell_again(l);
    }
    return n < 0 ? (int)n : l->pid < 0 ? -EINVAL : 0;
}

static void refuse(const struct look *l, const char *what)
{
    cr_refuse(l->c->refusals, "descriptor %d is a message queue (%s) %s", l->file->fd, l->link,
              what);
}

/* Returns 1 if what the kernel tells is known. */
static int check_notified(const struct look *l)
{
    if (l->pid == 0)
        return 1;
    if (l->pid != cr_sys_getpid()) {
        if (cr_fd_is_present(l->c, CR_PRESENT_PROCESS, (uint64_t)l->pid))
            return 1;
        refuse(l, "of whose messages a process outside the request is told (mq_notify); save that "
                  "in the same request");
        return 0;
    }
    if (l->notice != NULL && l->notice->kind == l->kind && l->kind != SIGEV_THREAD &&
        (l->kind != SIGEV_SIGNAL || l->notice->signal == l->signal))
        return 1;
    refuse(l, l->kind == SIGEV_THREAD
                  ? "of whose messages a thread is told (SIGEV_THREAD); take that back with "
                    "mq_notify() before the checkpoint, or be told by a signal"
                  : "of whose messages the program is told (mq_notify), and libcr was not there "
                    "when it asked for that; start it with cr_run");
    return 0;
}

static int has_messages(const struct look *l)
{
    for (const struct cr_note *n = l->c->state->first; n != NULL; n = n->next) {
        const struct cr_mqueue_data *data = n->data;

        if (n->type == quiesce_image_NoteType_NOTE_QUEUE_MESSAGES &&
            data->device == l->file->st.st_dev && data->inode == l->file->st.st_ino)
            return 1;
    }
    return 0;
}

static int add_note(const struct look *l, struct cr_mqueue_data *data, size_t size,
                    struct cr_error *err)
{
    void *note;
    int rc =
        cr_state_add_raw(l->c->state, quiesce_image_NoteType_NOTE_QUEUE_MESSAGES, size, &note, err);

    data->device = l->file->st.st_dev;
    data->inode = l->file->st.st_ino;
    if (rc == 0)
        memcpy(note, data, size);
    return rc;
}

static int copy_messages(const struct look *l, struct cr_error *err)
{
    int fd = cr_fd_reopen(l->file->fd, O_RDWR | O_NONBLOCK);
    struct cr_mqueue_data *data;
    size_t size;
    int again;
    int rc;

    if (fd < 0) {
        refuse(l, "with messages that may not be looked at; receive them before the checkpoint");
        return 0;
    }
    if (l->is_own)
        cr_sys(SYS_mq_notify, fd, 0);
    rc = cr_mqueue_copy(l->c->scratch, fd, &l->attributes, &data, &size);
    cr_sys_close(fd);
    again = tell_again(l);
    if (rc == -ENOMEM)
        return cr_fail_memory(err);
    if (rc < 0 || again < 0)
        return cr_fail(err, CR_EKERNEL,
                       "another program has used the message queue %s (descriptor %d) while it was "
                       "looked at, which may have changed the order of its messages, or lost some",
                       l->link, l->file->fd);
    return add_note(l, data, size, err);
}

/* Who is told looks, if it is one of us: it has the queue open. */
static int collect_messages(const struct look *l, struct cr_error *err)
{
    char words[160];
    int pid = 0;
    int others;

    if (l->attributes.mq_curmsgs == 0 || (l->pid != 0 && !l->is_own) || has_messages(l))
        return 0;
    others = cr_mqueue_has_others(l->c, l->file, &pid);
    if (others == 0)
        return copy_messages(l, err);
    if (others == 1)
        cr_fmt(words, sizeof(words),
               "with messages that process %d, which is not saved, may receive; end that, or "
               "receive them before the checkpoint",
               pid);
    else
        cr_str_copy(words, sizeof(words),
                    "with messages that processes of other users may receive; receive them before "
                    "the checkpoint, or run cr_checkpoint for a program of root");
    refuse(l, words);
    return 0;
}

static int collect_all(struct look *l, struct cr_error *err)
{
    quiesce_image_Queue q = {.fd = l->file->fd, .mode = l->file->st.st_mode & 07777};
    int rc = cr_mqueue_attributes(l->file->fd, &l->attributes);

    if (rc == 0)
        rc = read_notified(l);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot look at the message queue of descriptor %d: %s",
                       l->file->fd, cr_error_words(-rc));
    q.max_messages = (uint64_t)l->attributes.mq_maxmsg;
    q.message_size = (uint64_t)l->attributes.mq_msgsize;
    if (!check_notified(l))
        return 0;
    if (l->is_own) {
        q.notified = true;
        q.notice_kind = (uint32_t)l->notice->kind;
        q.notice_signal = (uint32_t)l->notice->signal;
        q.notice_value = l->notice->value;
        q.notice_at = (uint64_t)l->notice;
    }
    rc = cr_state_add(l->c->state, quiesce_image_NoteType_NOTE_QUEUE, quiesce_image_Queue_fields,
                      &q, err);
    return rc < 0 ? rc : collect_messages(l, err);
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct look l = {.c = c, .file = file, .link = link};
    int locked = cr_look_lock(c, "queue", file->st.st_ino);
    int rc = collect_all(&l, err);

    (void)d;
    if (locked >= 0)
        cr_sys_close(locked);
    return rc;
}

const struct cr_fd_kind cr_fd_mqueue = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_QUEUE,
                                        .matches = is_queue,
                                        .collect = collect,
                                        .create = cr_mqueue_create,
                                        .finish = cr_mqueue_finish};
