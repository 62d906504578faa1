/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What is to be done with the contents of open files: nothing (they are found again by path), they are
 * stored, or a digest tells whether they are still the same at a restart.
 */
#include "cr_fd_files.h"

#include "cr_fd_content.h"
#include "cr_policy.h"

#include "cr_fmt.h"
#include "cr_hash.h"
#include "cr_sys.h"

#include <errno.h>

#define CHUNK 65536UL

/* Of the first D->size bytes of FD. Returns 0 or -errno; -EIO if there are fewer. */
static int digest(struct cr_arena *scratch, int fd, uint64_t size, uint64_t *ret_digest)
{
    size_t mark = scratch->used;
    struct cr_hash_stream *stream = cr_arena_alloc(scratch, sizeof(*stream) + 64);
    char *buffer = cr_arena_alloc(scratch, CHUNK);
    long n = buffer != NULL ? 0 : -ENOMEM;

    stream = (struct cr_hash_stream *)(((uint64_t)stream + 63) & ~63UL);
    if (n == 0)
        cr_hash_begin(stream);
    for (uint64_t done = 0; n >= 0 && done < size; done += (uint64_t)n) {
        n = cr_sys_pread(fd, buffer, size - done < CHUNK ? size - done : CHUNK, done);
        if (n == 0)
            n = -EIO;
        if (n > 0)
            cr_hash_add(stream, buffer, (size_t)n);
    }
    if (n >= 0)
        *ret_digest = cr_hash_end(stream).low;
    cr_arena_rewind(scratch, mark);
    return n < 0 ? (int)n : 0;
}

static int open_readable(const char *path)
{
    return cr_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

static void collect_digest(struct cr_fd_collect *c, quiesce_image_Descriptor *d)
{
    int fd = open_readable(d->path);
    int rc = fd < 0 ? fd : digest(c->scratch, fd, d->size, &d->digest);

    if (fd >= 0)
        cr_sys_close(fd);
    if (rc < 0)
        cr_refuse(
            c->refusals,
            "the contents of %s (descriptor %d) are to be checked at a restart, and cannot be "
            "read now: %s; leave that file out (--files)",
            d->path, d->fd, cr_error_words(-rc));
}

int cr_fd_files_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                        quiesce_image_Descriptor *d, struct cr_error *err)
{
    d->files = cr_policy_of_file(d->path, d->fd);
    d->mode = file->st.st_mode & 07777;
    if (d->files == CR_FILES_CHECK)
        collect_digest(c, d);
    if (d->files == CR_FILES_CONTENTS && d->size > 0)
        return cr_content_hold(c, file, d, CR_PAGE, err);
    return 0;
}

static int trusted;

void cr_fd_files_trust(void)
{
    trusted = 1;
}

int cr_fd_files_check(const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_arena arena;
    uint64_t now = 0;
    int fd;
    int rc;

    if (d->files != CR_FILES_CHECK || trusted)
        return 0;
    fd = open_readable(d->path);
    rc = fd < 0 ? fd : cr_arena_create(&arena, 4 * CHUNK);
    if (rc == 0) {
        rc = digest(&arena, fd, d->size, &now);
        cr_arena_destroy(&arena);
    }
    if (fd >= 0)
        cr_sys_close(fd);
    if (rc == 0 && now == d->digest)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s, which the program has open as descriptor %d, has other contents than when "
                   "the image was taken (--files check); put them back and restart",
                   d->path, d->fd);
}
