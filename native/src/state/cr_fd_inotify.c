/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. inotify instances: watches keep their numbers. */
#include "cr_fd_inotify.h"

#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#define WATCHES_PER_NOTE                                                                           \
    (sizeof(((quiesce_image_Inotify *)0)->watch) / sizeof(quiesce_image_InotifyWatch))
#define DRAIN_SIZE 4096

static int is_inotify(const struct cr_fd_collect *c, const struct cr_open_file *file,
                      const char *link)
{
    (void)c;
    return cr_fd_is_anonymous(file, link, "anon_inode:inotify");
}

static int flush(struct cr_state *state, quiesce_image_Inotify *message, struct cr_error *err)
{
    int rc = 0;

    if (message->watch_count > 0)
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_INOTIFY, quiesce_image_Inotify_fields,
                          message, err);
    message->watch_count = 0;
    return rc;
}

static int add_watch(struct cr_fd_collect *c, const struct cr_inotify_line *line,
                     quiesce_image_Inotify *message, struct cr_error *err)
{
    quiesce_image_InotifyWatch *w = &message->watch[message->watch_count];

    w->wd = line->wd;
    w->mask = line->mask;
    if (cr_inotify_find_path(c->scratch, line, w->path) < 0) {
        cr_refuse(
            c->refusals,
            "descriptor %d is an inotify instance whose watch %d is on a file that cannot be "
            "found (inode %lu); remove it before the checkpoint, or run cr_checkpoint as root",
            message->fd, line->wd, (unsigned long)line->inode);
        return 0;
    }
    message->watch_count++;
    return message->watch_count == WATCHES_PER_NOTE ? flush(c->state, message, err) : 0;
}

/* The watch with the lowest number from FROM on. Returns 1, 0 if there is none, or -EINVAL. */
static int find_next(const char *text, int from, struct cr_inotify_line *ret_line)
{
    struct cr_inotify_line line;
    int found = 0;
    int more;

    while ((more = cr_inotify_next(&text, &line)) > 0) {
        if (line.wd < from || (found && line.wd >= ret_line->wd))
            continue;
        *ret_line = line;
        found = 1;
    }
    return more < 0 ? more : found;
}

static int has_events(int fd)
{
    int bytes = 0;

    return cr_sys(SYS_ioctl, fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Inotify *message = cr_arena_alloc(c->scratch, sizeof(*message));
    struct cr_inotify_line line;
    char *text = NULL;
    int more = 1;
    int rc =
        message != NULL ? cr_fdinfo_read(c->scratch, file->fd, &text, err) : cr_fail_memory(err);

    (void)link;
    (void)d;
    if (rc == 0 && has_events(file->fd))
        cr_refuse(c->refusals,
                  "descriptor %d is an inotify instance with events that nobody has read; let the "
                  "program read them, and try again",
                  file->fd);
    for (int from = 1; rc == 0 && (more = find_next(text, from, &line)) > 0; from = line.wd + 1) {
        message->fd = file->fd;
        rc = add_watch(c, &line, message, err);
    }
    if (rc == 0 && more < 0)
        return cr_fail(err, CR_EKERNEL, "the kernel's list of inotify instance %d is unknown",
                       file->fd);
    return rc == 0 ? flush(c->state, message, err) : rc;
}

/* The kernel counts watches up; those that the program has removed are made and removed again. */
static int watch_again(int fd, const quiesce_image_InotifyWatch *w, struct cr_error *err)
{
    int wd;

    for (;;) {
        wd = (int)cr_sys(SYS_inotify_add_watch, fd, w->path, w->mask | IN_DONT_FOLLOW);
        if (wd < 0 || wd >= w->wd)
            break;
        cr_sys(SYS_inotify_rm_watch, fd, wd);
    }
    if (wd == w->wd)
        return 0;
    return cr_fail(err,
                   wd == -ENOENT ? CR_EFILEMISSING
                   : wd < 0      ? -wd
                                 : EIO,
                   "cannot watch %s again as number %d of an inotify instance: %s", w->path, w->wd,
                   wd < 0 ? cr_error_words(-wd) : "that file is watched already");
}

static int watch_all(const struct cr_state *state, int old_fd, int fd,
                     quiesce_image_Inotify *message, struct cr_error *err)
{
    int rc = message != NULL ? 0 : cr_fail_memory(err);

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_INOTIFY)
            continue;
        rc = cr_state_decode(note, quiesce_image_Inotify_fields, message, err);
        for (pb_size_t i = 0; rc == 0 && message->fd == old_fd && i < message->watch_count; i++)
            rc = watch_again(fd, &message->watch[i], err);
    }
    return rc;
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    int fd = (int)cr_sys(SYS_inotify_init1, IN_CLOEXEC);
    int rc;

    if (fd < 0)
        return cr_fail(err, -fd, "cannot make inotify instance %d again: %s", d->fd,
                       cr_error_words(-fd));
    rc = watch_all(c->state, d->fd, fd, cr_arena_alloc(c->scratch, sizeof(quiesce_image_Inotify)),
                   err);
    if (rc == 0)
        return cr_fd_complete(c, d, fd, "an inotify instance", err);
    cr_sys_close(fd);
    return rc;
}

/* What the restart itself did is nothing that the program has to know. */
static int drain(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    char events[DRAIN_SIZE] __attribute__((aligned(8)));

    (void)state;
    (void)err;
    while (has_events(d->fd) && cr_sys_read(d->fd, events, sizeof(events)) > 0)
        ;
    return 0;
}

const struct cr_fd_kind cr_fd_inotify = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_INOTIFY,
                                         .matches = is_inotify,
                                         .collect = collect,
                                         .create = create,
                                         .finish = drain};
