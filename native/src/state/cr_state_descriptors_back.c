/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors in the restored process. Each file is opened at the lowest free number and moved to its own
 * at once, so that no number of another one is ever in the way; what shares a description comes after all of these.
 */
#include "cr_state_descriptors_parts.h"

#include "cr_state_kinds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/resource.h>

typedef int each_fn(struct cr_state *state, const quiesce_image_Descriptor *d,
                    struct cr_error *err);

/* Flags of open() that did something once; the others describe the open file. */
#define ONCE (O_CREAT | O_EXCL | O_TRUNC)

static int for_each(struct cr_state *state, quiesce_image_Descriptors *message, each_fn *function,
                    struct cr_error *err)
{
    int rc = 0;

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_DESCRIPTORS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Descriptors_fields, message, err);
        for (pb_size_t i = 0; rc == 0 && i < message->descriptor_count; i++)
            rc = function(state, &message->descriptor[i], err);
    }
    return rc;
}

static int is_open(int fd)
{
    return cr_sys(SYS_fcntl, fd, F_GETFD, 0) >= 0;
}

/* The limit of a shell at restart may be lower than that of the program; its own hard limit may be used up. */
static int allow_number(const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct rlimit limit;
    int rc;

    rc = (int)cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    if (rc < 0 || (rlim_t)d->fd < limit.rlim_cur)
        return 0;
    limit.rlim_cur = (rlim_t)d->fd + 1;
    if (limit.rlim_cur > limit.rlim_max || cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, 0) < 0)
        return cr_fail(err, EMFILE,
                       "descriptor %d is above the limit of open files; raise it (ulimit -n) and "
                       "restart",
                       d->fd);
    return 0;
}

/* Moves FD to the number of D. */
static int place(const struct cr_state *state, int fd, const quiesce_image_Descriptor *d,
                 struct cr_error *err)
{
    int rc;

    if (cr_descriptor_is_foreign(state->foreign, d->fd)) {
        cr_sys_close(fd);
        return cr_fail(err, CR_ECOLLISION,
                       "descriptor %d, which the program had open, is in use by the restart itself",
                       d->fd);
    }
    if (fd == d->fd)
        return (int)cr_sys(SYS_fcntl, fd, F_SETFD, d->close_on_exec ? FD_CLOEXEC : 0);
    rc = (int)cr_sys(SYS_dup3, fd, d->fd, d->close_on_exec ? O_CLOEXEC : 0);
    cr_sys_close(fd);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot put back descriptor %d: %s", d->fd, cr_error_words(-rc));
    return 0;
}

static int check_size(int fd, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct stat st;

    if (d->kind != quiesce_image_DescriptorKind_DESCRIPTOR_FILE || cr_sys_fstat(fd, &st) < 0 ||
        (uint64_t)st.st_size >= d->size)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s (descriptor %d) has %lu bytes and had %lu when the image was taken; put its "
                   "contents back and restart",
                   d->path, d->fd, (unsigned long)st.st_size, (unsigned long)d->size);
}

static int open_again(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    int flags = (int)(d->status_flags & ~(uint32_t)ONCE) | O_NOCTTY | O_CLOEXEC;
    int fd = cr_sys_open(d->path, flags, 0);
    int rc;

    if (fd < 0)
        return cr_fail(err, fd == -ENOENT ? CR_EFILEMISSING : -fd,
                       "cannot open %s again, which the program had as descriptor %d: %s; put the "
                       "file back and restart",
                       d->path, d->fd, cr_error_words(-fd));
    rc = check_size(fd, d, err);
    if (rc < 0) {
        cr_sys_close(fd);
        return rc;
    }
    if (d->offset > 0)
        cr_sys(SYS_lseek, fd, d->offset, SEEK_SET);
    return place(state, fd, d, err);
}

/* The restarter's stream is kept; a stream that it does not have is /dev/null. */
static int keep_stream(struct cr_state *state, const quiesce_image_Descriptor *d,
                       struct cr_error *err)
{
    int fd;

    if (is_open(d->fd)) {
        cr_sys(SYS_fcntl, d->fd, F_SETFD, d->close_on_exec ? FD_CLOEXEC : 0);
        return 0;
    }
    fd = cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot open /dev/null: %s", cr_error_words(-fd));
    return place(state, fd, d, err);
}

static int put_back_first(struct cr_state *state, const quiesce_image_Descriptor *d,
                          struct cr_error *err)
{
    int rc;

    if (d->same_as >= 0)
        return 0;
    rc = allow_number(d, err);
    if (rc < 0)
        return rc;
    if (d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD)
        return keep_stream(state, d, err);
    return open_again(state, d, err);
}

static int put_back_sharing(struct cr_state *state, const quiesce_image_Descriptor *d,
                            struct cr_error *err)
{
    int fd;
    int rc;

    if (d->same_as < 0)
        return 0;
    rc = allow_number(d, err);
    if (rc < 0)
        return rc;
    if (d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD && d->fd <= 2)
        return keep_stream(state, d, err);
    fd = (int)cr_sys(SYS_fcntl, d->same_as, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot duplicate descriptor %d as %d: %s", d->same_as, d->fd,
                       cr_error_words(-fd));
    return place(state, fd, d, err);
}

static int put_back_locks(struct cr_state *state, const quiesce_image_Descriptor *d,
                          struct cr_error *err)
{
    (void)state;
    return cr_locks_put_back(d, err);
}

/* What the restart inherited from a shell would change the numbers that the program gets, and hold pipes open. */
static int close_inherited(const struct cr_state *state, struct cr_arena *arena,
                           struct cr_error *err)
{
    size_t count;
    int *fds;
    int rc;

    if (state->foreign->range_count > 0)
        return 0;
    rc = cr_proc_list(arena, "/proc/thread-self/fd", &fds, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (fds[i] > 2 && !cr_descriptor_is_foreign(state->foreign, fds[i]))
            cr_sys_close(fds[i]);
    }
    return rc;
}

int cr_descriptors_put_back(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Descriptors *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    if (rc == 0)
        rc = close_inherited(state, &scratch.arena, err);
    if (rc == 0)
        rc = for_each(state, message, put_back_first, err);
    if (rc == 0)
        rc = for_each(state, message, put_back_sharing, err);
    if (rc == 0)
        rc = for_each(state, message, put_back_locks, err);
    cr_scratch_end(&scratch);
    return rc;
}
