/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. File locks, as /proc/self/fdinfo shows them: "lock:\t1: POSIX  ADVISORY  WRITE 77 fe:00:12 0 EOF". */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/file.h>

#define FIELDS_MAX 8
#define LOCK_IS_LEASE 1
#define MORE_MAX (sizeof(((quiesce_image_Locks *)0)->lock) / sizeof(quiesce_image_FileLock))
#define LOCKS_MAX (sizeof(((quiesce_image_Descriptor *)0)->lock) / sizeof(quiesce_image_FileLock))

/* The fields of a line, from AT on; they end at spaces. Returns how many there are. */
static int split(const char *at, const char **fields)
{
    int count = 0;

    while (count < FIELDS_MAX) {
        while (*at == ' ' || *at == '\t')
            at++;
        if (*at == '\n' || *at == '\0')
            break;
        fields[count++] = at;
        while (*at != ' ' && *at != '\n' && *at != '\0')
            at++;
    }
    return count;
}

enum { FIELD_KIND = 1, FIELD_ACCESS = 3, FIELD_START = 6, FIELD_END = 7 };

/* Returns 0, LOCK_IS_LEASE, or -1 for something that is not a lock of these kinds. */
static int parse_lock(const char *line, quiesce_image_FileLock *lock)
{
    const char *fields[FIELDS_MAX];

    if (split(line, fields) < FIELDS_MAX)
        return -1;
    if (cr_str_starts(fields[FIELD_KIND], "FLOCK"))
        lock->kind = quiesce_image_LockKind_LOCK_FLOCK;
    else if (cr_str_starts(fields[FIELD_KIND], "POSIX"))
        lock->kind = quiesce_image_LockKind_LOCK_POSIX;
    else if (cr_str_starts(fields[FIELD_KIND], "OFDLCK"))
        lock->kind = quiesce_image_LockKind_LOCK_OFD;
    else
        return cr_str_starts(fields[FIELD_KIND], "LEASE") ? LOCK_IS_LEASE : -1;
    lock->write = cr_str_starts(fields[FIELD_ACCESS], "WRITE");
    lock->start = cr_parse_u64(&fields[FIELD_START], 10);
    lock->length = 0;
    if (!cr_str_starts(fields[FIELD_END], "EOF"))
        lock->length = cr_parse_u64(&fields[FIELD_END], 10) - lock->start + 1;
    return 0;
}

static int flush(struct cr_state *state, quiesce_image_Locks *more, struct cr_error *err)
{
    int rc = 0;

    if (more->lock_count > 0)
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_LOCKS, quiesce_image_Locks_fields,
                          more, err);
    more->lock_count = 0;
    return rc;
}

static int add_lock(struct cr_fd_collect *c, const char *line, quiesce_image_Descriptor *d,
                    quiesce_image_Locks *more, struct cr_error *err)
{
    quiesce_image_FileLock lock = quiesce_image_FileLock_init_zero;
    int kind = parse_lock(line, &lock);

    if (kind == LOCK_IS_LEASE)
        return 0;
    if (kind < 0) {
        cr_refuse(c->refusals,
                  "descriptor %d (%s) has a lock of an unknown kind; give it up before the "
                  "checkpoint",
                  d->fd, d->path);
        return 0;
    }
    if (d->lock_count < LOCKS_MAX) {
        d->lock[d->lock_count++] = lock;
        return 0;
    }
    more->lock[more->lock_count++] = lock;
    return more->lock_count == MORE_MAX ? flush(c->state, more, err) : 0;
}

int cr_locks_collect(struct cr_fd_collect *c, quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Locks *more = cr_arena_alloc(c->scratch, sizeof(*more));
    char *text = NULL;
    int rc = more != NULL ? cr_fdinfo_read(c->scratch, d->fd, &text, err) : cr_fail_memory(err);

    if (rc < 0)
        return rc;
    *more = (quiesce_image_Locks){.fd = d->fd};
    for (const char *at = text; rc == 0 && *at != '\0'; at++) {
        if (cr_str_starts(at, "lock:") && (at == text || at[-1] == '\n'))
            rc = add_lock(c, at + sizeof("lock:") - 1, d, more, err);
    }
    return rc == 0 ? flush(c->state, more, err) : rc;
}

static int take_lock(int fd, const quiesce_image_FileLock *lock)
{
    struct flock range = {
        .l_type = lock->write ? F_WRLCK : F_RDLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t)lock->start,
        .l_len = (off_t)lock->length,
    };

    switch (lock->kind) {
    case quiesce_image_LockKind_LOCK_FLOCK:
        return (int)cr_sys(SYS_flock, fd, (lock->write ? LOCK_EX : LOCK_SH) | LOCK_NB);
    case quiesce_image_LockKind_LOCK_POSIX:
        return (int)cr_sys(SYS_fcntl, fd, F_SETLK, &range);
    case quiesce_image_LockKind_LOCK_OFD:
        return (int)cr_sys(SYS_fcntl, fd, F_OFD_SETLK, &range);
    default:
        return -EINVAL;
    }
}

static int take_locks(const quiesce_image_Descriptor *d, const quiesce_image_FileLock *locks,
                      size_t count, struct cr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int rc = take_lock(d->fd, &locks[i]);

        if (rc < 0)
            return cr_fail(err, -rc,
                           "cannot lock %s (descriptor %d) again, as the program had it: %s; end "
                           "the process that holds it",
                           d->path, d->fd, cr_error_words(-rc));
    }
    return 0;
}

static int take_more(struct cr_state *state, const quiesce_image_Descriptor *d,
                     quiesce_image_Locks *more, struct cr_error *err)
{
    int rc = more != NULL ? 0 : cr_fail_memory(err);

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_LOCKS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Locks_fields, more, err);
        if (rc == 0 && more->fd == d->fd)
            rc = take_locks(d, more->lock, more->lock_count, err);
    }
    return rc;
}

int cr_locks_put_back(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc = take_locks(d, d->lock, d->lock_count, err);

    if (rc < 0 || d->lock_count < LOCKS_MAX)
        return rc;
    cr_scratch_begin(&scratch, state->arena);
    rc = take_more(state, d, cr_arena_alloc(&scratch.arena, sizeof(quiesce_image_Locks)), err);
    cr_scratch_end(&scratch);
    return rc;
}
