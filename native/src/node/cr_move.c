/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Moves the images of one checkpoint from a directory of this node to that of the checkpoint: a program of its
 * own, because it waits for disks. At every moment each image is whole on one of the two sides: a copy gets its name when it is
 * synced and every byte of it was read back and compared with its digests, and only then is the original removed.
 */
#include "cr_arena.h"
#include "cr_error.h"
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_image_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA_SIZE (4UL << 30)
#define PIECE (4UL << 20)
/* So much may be on its way to the disk: more would only take memory from the job. */
#define WINDOW (32UL << 20)
#define NICE 10
#define IO_PRIORITY_OF_PROCESS 1
#define IO_PRIORITY_LAST (2 << 13 | 7)

struct move {
    const char *from_path;
    const char *to_path;
    int from, to; /* these directories */
    struct cr_arena arena;
    void *buffer;
};

static int no_file(struct cr_error *err, const char *what, const char *folder, const char *name)
{
    return cr_fail(err, errno, "%s %s/%s: %s", what, folder, name, strerror(errno));
}

/* ---- copying ---- */

/* What was written before the last window has left memory when this returns. */
static void push_out(int to, off_t end)
{
    off_t begin = end - (off_t)WINDOW;

    sync_file_range(to, begin, (off_t)WINDOW, SYNC_FILE_RANGE_WRITE);
    if (begin < (off_t)WINDOW)
        return;
    begin -= (off_t)WINDOW;
    sync_file_range(to, begin, (off_t)WINDOW,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                        SYNC_FILE_RANGE_WAIT_AFTER);
    posix_fadvise(to, begin, (off_t)WINDOW, POSIX_FADV_DONTNEED);
}

static int write_all(int to, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(to, data, size);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* Returns 0 or -errno. */
static int copy_bytes(const struct move *m, int from, int to)
{
    off_t done = 0;
    ssize_t n;

    while ((n = read(from, m->buffer, PIECE)) != 0) {
        int rc = n < 0 ? -errno : write_all(to, m->buffer, (size_t)n);

        if (rc == -EINTR)
            continue;
        if (rc < 0)
            return rc;
        done += n;
        if (done % (off_t)WINDOW == 0)
            push_out(to, done);
        if (cr_fault("move:half") < 0)
            return -EIO;
    }
    return fsync(to) < 0 ? -errno : 0;
}

static int copy(const struct move *m, const char *name, const char *partial, struct cr_error *err)
{
    int from = openat(m->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to, rc;

    if (from < 0)
        return no_file(err, "cannot read", m->from_path, name);
    to = openat(m->to, partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) {
        rc = no_file(err, "cannot write", m->to_path, partial);
        close(from);
        return rc;
    }
    rc = copy_bytes(m, from, to);
    /* What is compared next is to come from where it was written to, as far as that can be had. */
    posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
    posix_fadvise(from, 0, 0, POSIX_FADV_DONTNEED);
    close(from);
    if (close(to) < 0 && rc == 0)
        rc = -errno;
    return rc < 0 ? cr_fail(err, -rc, "cannot write %s/%s: %s", m->to_path, partial, strerror(-rc))
                  : 0;
}

/* ---- comparing ---- */

/* Opens FOLDER/NAME as an image, and with VERIFY reads all of it. */
static int identify(struct move *m, const char *folder, const char *name, int verify,
                    struct cr_image_record *ret, struct cr_error *err)
{
    struct cr_image_reader reader;
    char path[PATH_MAX];
    int rc;

    cr_arena_reset(&m->arena);
    cr_fmt(path, sizeof(path), "%s/%s", folder, name);
    rc = cr_image_open(&m->arena, path, &reader, err);
    if (rc < 0)
        return rc;
    if (verify)
        rc = cr_image_verify(&reader, err);
    cr_image_identify(&reader, ret);
    cr_image_close(&reader);
    return rc;
}

static int compare(struct move *m, const char *name, const char *partial, struct cr_error *err)
{
    struct cr_image_record original, written;
    int rc = identify(m, m->from_path, name, 0, &original, err);

    if (rc == 0)
        rc = identify(m, m->to_path, partial, 1, &written, err);
    if (rc < 0)
        return rc;
    if (original.bytes == written.bytes && original.digest_low == written.digest_low &&
        original.digest_high == written.digest_high)
        return 0;
    return cr_fail(err, CR_EDAMAGED, "%s/%s is not what was copied from %s", m->to_path, partial,
                   m->from_path);
}

/* ---- one image ---- */

static int put_in_place(const struct move *m, const char *name, const char *partial,
                        struct cr_error *err)
{
    if (cr_fault("move:before-name") < 0)
        return cr_fail(err, EIO, "the move failed on purpose");
    if (renameat(m->to, partial, m->to, name) < 0 || fsync(m->to) < 0)
        return no_file(err, "cannot put in place", m->to_path, name);
    return 0;
}

static int move_image(struct move *m, const char *name, struct cr_error *err)
{
    char partial[NAME_MAX + 1];
    int rc = 0;

    cr_fmt(partial, sizeof(partial), "%s" CR_PARTIAL_SUFFIX, name);
    if (faccessat(m->to, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        rc = copy(m, name, partial, err);
        if (rc == 0)
            rc = compare(m, name, partial, err);
        if (rc == 0)
            rc = put_in_place(m, name, partial, err);
        if (rc < 0) {
            unlinkat(m->to, partial, 0);
            rc = cr_error_prefix(err, "%s/%s was not moved", m->from_path, name);
        }
    }
    if (rc == 0 && cr_fault("move:before-remove") == 0)
        unlinkat(m->from, name, 0);
    return rc;
}

/* ---- all of them ---- */

static int is_image(const char *name)
{
    const char *at = name + sizeof("rank-") - 1;
    const char *digits = at;

    if (strncmp(name, "rank-", sizeof("rank-") - 1) != 0)
        return 0;
    cr_parse_u64(&at, 10);
    return at > digits && strcmp(at, ".cr") == 0;
}

/* Goes on behind a failure, so that as much as can be is safe. Returns the first failure, or 0. */
static int move_all(struct move *m, DIR *folder, struct cr_error *err)
{
    struct cr_error later;
    const struct dirent *entry;
    int first = 0;

    while ((entry = readdir(folder)) != NULL) {
        int rc =
            is_image(entry->d_name) ? move_image(m, entry->d_name, first == 0 ? err : &later) : 0;

        if (first == 0)
            first = rc;
    }
    return first;
}

/* Who else moves the same is waited for. Returns 1; 0 when there is nothing to move; or a negative code. */
static int open_from(struct move *m, struct cr_error *err)
{
    struct stat s;

    m->from = open(m->from_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (m->from < 0 && errno == ENOENT)
        return 0;
    if (m->from < 0 || fstat(m->from, &s) < 0)
        return cr_fail(err, errno, "cannot read %s: %s", m->from_path, strerror(errno));
    if (s.st_uid != geteuid())
        return cr_fail(err, CR_EPERMISSION, "%s belongs to user %u", m->from_path, s.st_uid);
    if (flock(m->from, LOCK_EX) < 0)
        return cr_fail(err, errno, "cannot lock %s: %s", m->from_path, strerror(errno));
    return 1;
}

static int open_to(struct move *m, struct cr_error *err)
{
    m->to = open(m->to_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (m->to < 0)
        return cr_fail(err, errno, "%s is not seen on this node: %s", m->to_path, strerror(errno));
    m->buffer = malloc(PIECE);
    if (m->buffer == NULL || cr_arena_create(&m->arena, ARENA_SIZE) < 0)
        return cr_fail(err, ENOMEM, "no memory");
    return 0;
}

static int run(struct move *m, struct cr_error *err)
{
    DIR *folder;
    int rc = open_from(m, err);

    if (rc <= 0)
        return rc;
    rc = open_to(m, err);
    if (rc < 0)
        return rc;
    folder = fdopendir(m->from);
    if (folder == NULL)
        return cr_fail(err, errno, "cannot read %s: %s", m->from_path, strerror(errno));
    rc = move_all(m, folder, err);
    if (rc == 0)
        rmdir(m->from_path);
    closedir(folder);
    return rc;
}

int main(int argc, char **argv)
{
    struct move m = {.from = -1, .to = -1};
    struct cr_error err = {0};

    if (argc != 3 || argv[1][0] != '/' || argv[2][0] != '/') {
        fprintf(stderr,
                "usage: cr_move FROM TO\n"
                "Moves the images in the directory FROM of this node to the directory TO of\n"
                "their checkpoint. crnode starts it; so does a restart that needs them.\n");
        return 2;
    }
    umask(077);
    setpriority(PRIO_PROCESS, 0, NICE);
    syscall(SYS_ioprio_set, IO_PRIORITY_OF_PROCESS, 0, IO_PRIORITY_LAST);
    cr_fault_init(getenv("CR_FAULT"));
    m.from_path = argv[1];
    m.to_path = argv[2];
    if (run(&m, &err) < 0) {
        fprintf(stderr, "cr_move: %s\n", err.text);
        return 1;
    }
    return 0;
}
