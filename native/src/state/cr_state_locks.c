/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. File locks, as /proc/self/fdinfo shows them: "lock:\t1: POSIX  ADVISORY  WRITE 77 fe:00:12 0 EOF". */
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/file.h>

#define FIELDS_MAX 8
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

/* Returns 0, or -1 for something that is not a lock of these kinds. */
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
        return -1;
    lock->write = cr_str_starts(fields[FIELD_ACCESS], "WRITE");
    lock->start = cr_parse_u64(&fields[FIELD_START], 10);
    lock->length = 0;
    if (!cr_str_starts(fields[FIELD_END], "EOF"))
        lock->length = cr_parse_u64(&fields[FIELD_END], 10) - lock->start + 1;
    return 0;
}

static void add_lock(const char *line, quiesce_image_Descriptor *d, struct cr_refusals *refusals)
{
    quiesce_image_FileLock lock = quiesce_image_FileLock_init_zero;

    if (parse_lock(line, &lock) < 0)
        cr_refuse(refusals,
                  "descriptor %d (%s) has a lease or a lock of an unknown kind; give it up before "
                  "the checkpoint",
                  d->fd, d->path);
    else if (d->lock_count == LOCKS_MAX)
        cr_refuse(refusals,
                  "descriptor %d (%s) has more than %d locks; release some before the checkpoint",
                  d->fd, d->path, (int)LOCKS_MAX);
    else
        d->lock[d->lock_count++] = lock;
}

void cr_locks_collect(struct cr_arena *scratch, quiesce_image_Descriptor *d,
                      struct cr_refusals *refusals)
{
    char path[48];
    char *text = cr_arena_alloc(scratch, CR_PATH_SIZE);
    long n = -ENOMEM;

    cr_fmt(path, sizeof(path), "/proc/thread-self/fdinfo/%d", d->fd);
    if (text != NULL)
        n = cr_sys_read_file(path, text, CR_PATH_SIZE);
    if (n < 0) {
        cr_refuse(refusals, "the locks of descriptor %d (%s) cannot be read: %s", d->fd, d->path,
                  cr_error_words((int)-n));
        return;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (cr_str_starts(at, "lock:") && (at == text || at[-1] == '\n'))
            add_lock(at + sizeof("lock:") - 1, d, refusals);
    }
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

int cr_locks_put_back(const quiesce_image_Descriptor *d, struct cr_error *err)
{
    for (pb_size_t i = 0; i < d->lock_count; i++) {
        int rc = take_lock(d->fd, &d->lock[i]);

        if (rc < 0)
            return cr_fail(err, -rc,
                           "cannot lock %s (descriptor %d) again, as the program had it: %s; end "
                           "the process that holds it",
                           d->path, d->fd, cr_error_words(-rc));
    }
    return 0;
}
