/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_restart_source.h"

#include "cr_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(int code, const char *name, struct cr_error *err)
{
    return cr_fail(err, code, "cannot read the image %s: %s", name, strerror(code));
}

static int use_descriptor(struct cr_restart_source *s, int fd)
{
    s->fd = fd;
    snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", fd);
    return 0;
}

static int spool(struct cr_restart_source *s, int from, const char *name, struct cr_error *err)
{
    int fd = cr_spool_make(NULL, err);
    int rc = fd < 0 ? fd : cr_spool_copy(from, fd, name, err);

    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : use_descriptor(s, fd);
}

static int open_descriptor(struct cr_restart_source *s, int fd, const char *name,
                           struct cr_error *err)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fstat(fd, &st) < 0)
        return failed(errno, name, err);
    if ((flags & O_ACCMODE) == O_WRONLY)
        return failed(EBADF, name, err);
    if (S_ISDIR(st.st_mode))
        return failed(EISDIR, name, err);
    /* An image that begins further on in a file is one of several there. */
    if (S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0)
        return use_descriptor(s, fd);
    return spool(s, fd, name, err);
}

static int open_file(struct cr_restart_source *s, const char *name, struct cr_error *err)
{
    struct stat st;
    int fd;
    int rc;

    if (stat(name, &st) < 0)
        return failed(errno, name, err);
    if (S_ISDIR(st.st_mode))
        return cr_fail(err, EISDIR, "%s is a directory; use -d if cr_checkpoint -d wrote it", name);
    if (S_ISREG(st.st_mode)) {
        if (access(name, R_OK) < 0)
            return failed(errno, name, err);
        return snprintf(s->path, sizeof(s->path), "%s", name) < (int)sizeof(s->path)
                   ? 0
                   : failed(ENAMETOOLONG, name, err);
    }
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(errno, name, err);
    rc = spool(s, fd, name, err);
    close(fd);
    return rc;
}

static int open_directory(struct cr_restart_source *s, const char *name, struct cr_error *err)
{
    char single[PATH_MAX];
    int fd = cr_spool_join(name, single, err);

    if (fd == 0)
        return open_file(s, single, err);
    return fd < 0 ? fd : use_descriptor(s, fd);
}

int cr_restart_source_open(const struct cr_restart_options *options,
                           struct cr_restart_source *ret_source, struct cr_error *err)
{
    char name[32];

    ret_source->fd = -1;
    snprintf(name, sizeof(name), "descriptor %d", options->fd);
    if (options->fd >= 0)
        return open_descriptor(ret_source, options->fd, name, err);
    if (options->directory != NULL)
        return open_directory(ret_source, options->directory, err);
    return open_file(ret_source, options->file, err);
}

void cr_restart_source_close(struct cr_restart_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}
