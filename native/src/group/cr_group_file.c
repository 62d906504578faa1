/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The file of several processes: made before they stop, laid out when the size of
 * each image is known, named when all is in it.
 */
#include "cr_group_parts.h"

#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_image.h"
#include "cr_sys.h"
#include "cr_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_ (PATH_MAX + 16)
#define HEADERS_SIZE (256UL << 10)

static void partial_name(const struct cr_group *g, char *out)
{
    snprintf(out, NAME_MAX_, "%s" CR_PARTIAL_SUFFIX, g->options->file);
}

static int write_failed(const struct cr_group *g, int code, struct cr_error *err)
{
    const char *remedy = code == ENOSPC || code == EDQUOT
                             ? "free space there or write to another directory"
                         : code == EFBIG ? "raise the limit on file sizes (ulimit -f) or write to "
                                           "another file system"
                                         : "look into the kernel's log";

    return cr_fail(err, code, "cannot write %s" CR_PARTIAL_SUFFIX ": %s; %s", g->options->file,
                   cr_error_words(code), remedy);
}

static uint64_t estimate_size(const struct cr_group *g)
{
    uint64_t size = 0;

    for (size_t i = 0; i < g->count; i++)
        size += g->members[i]->memory + HEADERS_SIZE;
    return size;
}

/* To find blocks now is taken from what the pause would cost. What fails here fails later, too. */
static void reserve(struct cr_group *g)
{
    struct statfs fs;

    if (!g->options->durable && (fstatfs(g->file, &fs) < 0 || fs.f_type != 0x01021994))
        return;
    if (fallocate(g->file, 0, 0, (off_t)estimate_size(g)) < 0)
        return;
}

int cr_group_file_create(struct cr_group *g, struct cr_error *err)
{
    char partial[NAME_MAX_];

    if (g->file >= 0 || g->options->dry_run)
        return 0;
    partial_name(g, partial);
    unlink(partial);
    g->file = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (g->file < 0)
        return cr_fail(err, errno, "cannot create %s: %s; choose a directory that you may write to",
                       partial, cr_error_words(errno));
    reserve(g);
    return 0;
}

int cr_group_file_lay_out(struct cr_group *g, struct cr_error *err)
{
    uint64_t at = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->stage != CR_MEMBER_TALKING)
            continue;
        m->offset = at + CR_TAR_HEAD;
        at = CR_PAGE_UP(m->offset + m->size);
    }
    g->file_size = at;
    if (fallocate(g->file, 0, 0, (off_t)at) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return write_failed(g, errno, err);
    return ftruncate(g->file, (off_t)at) < 0 ? write_failed(g, errno, err) : 0;
}

int cr_group_file_open(const struct cr_group *g, struct cr_error *err)
{
    char partial[NAME_MAX_];
    int fd;

    partial_name(g, partial);
    fd = open(partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 ? fd : cr_fail(err, errno, "cannot open %s: %s", partial, cr_error_words(errno));
}

static int write_at(const struct cr_group *g, const void *data, size_t size, uint64_t offset,
                    struct cr_error *err)
{
    const uint8_t *at = data;

    while (size > 0) {
        ssize_t n = pwrite(g->file, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return write_failed(g, n < 0 ? errno : EIO, err);
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_heads(struct cr_group *g, time_t now, struct cr_error *err)
{
    uint8_t head[CR_TAR_HEAD];
    char name[CR_TAR_NAME_MAX];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        const struct cr_member *m = g->members[i];

        if (m->stage != CR_MEMBER_TALKING)
            continue;
        snprintf(name, sizeof(name), "%d.cr", m->known_pid);
        cr_tar_image_head(head, name, m->size, now);
        rc = write_at(g, head, sizeof(head), m->offset - CR_TAR_HEAD, err);
    }
    return rc;
}

static int write_manifest(struct cr_group *g, time_t now, struct cr_error *err)
{
    static const uint8_t zeros[3 * CR_TAR_BLOCK];
    uint8_t head[CR_TAR_BLOCK];
    void *text = NULL;
    size_t size = 0;
    uint64_t at = g->file_size;
    int rc = cr_group_manifest(g, &text, &size, err);

    if (rc < 0)
        return rc;
    cr_tar_plain_head(head, CR_MANIFEST_NAME, size, now);
    rc = write_at(g, head, sizeof(head), at, err);
    at += sizeof(head);
    if (rc == 0)
        rc = write_at(g, text, size, at, err);
    at += size;
    if (rc == 0)
        rc = write_at(g, zeros, CR_TAR_UP(at) - at + 2 * CR_TAR_BLOCK, at, err);
    free(text);
    g->file_size = CR_TAR_UP(at) + 2 * CR_TAR_BLOCK;
    if (rc == 0 && ftruncate(g->file, (off_t)g->file_size) < 0)
        rc = write_failed(g, errno, err);
    return rc;
}

static int sync_directory(const struct cr_group *g, struct cr_error *err)
{
    char directory[PATH_MAX];
    char *slash;
    int fd;
    int rc;

    cr_str_copy(directory, sizeof(directory), g->options->file);
    slash = strrchr(directory, '/');
    if (slash != NULL)
        slash[slash == directory] = '\0';
    fd = open(slash != NULL ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 || fsync(fd) < 0 ? cr_fail(err, errno, "cannot sync the directory of %s: %s",
                                           g->options->file, cr_error_words(errno))
                                 : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

int cr_group_file_name(struct cr_group *g, struct cr_error *err)
{
    char partial[NAME_MAX_];

    if (g->options->durable && fsync(g->file) < 0)
        return cr_fail(err, errno, "cannot sync %s: %s; its disk may be failing or full",
                       g->options->file, cr_error_words(errno));
    partial_name(g, partial);
    if (rename(partial, g->options->file) < 0)
        return cr_fail(err, errno, "cannot rename %s to %s: %s", partial, g->options->file,
                       cr_error_words(errno));
    close(g->file);
    g->file = -1;
    return g->options->durable ? sync_directory(g, err) : 0;
}

int cr_group_file_commit(struct cr_group *g, struct cr_error *err)
{
    time_t now = time(NULL);
    int rc = cr_fault("group:commit");

    if (rc < 0)
        return write_failed(g, -rc, err);
    rc = write_heads(g, now, err);
    if (rc == 0)
        rc = write_manifest(g, now, err);
    return rc < 0 ? rc : cr_group_file_name(g, err);
}

void cr_group_file_drop(struct cr_group *g)
{
    char partial[NAME_MAX_];

    if (g->options->dry_run || (g->file < 0 && !g->alone))
        return;
    /* That of a single process is its own to remove, unless it has ended. */
    partial_name(g, partial);
    if (!g->alone || g->members[0]->fd < 0)
        unlink(partial);
    if (g->file >= 0)
        close(g->file);
    g->file = -1;
}
