/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_output_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NAME_KEPT 200 /* of a name in the name of its temporary file */
#define READER_STEP_NS 20000000

int cr_output_failed(int code, const char *name, struct cr_error *err)
{
    return cr_fail(err, code, "%s: %s", name, strerror(code));
}

/* NAME made absolute, behind all symbolic links if it exists. */
int cr_output_resolve(const char *name, char *out, struct cr_error *err)
{
    char base[PATH_MAX] = "";
    int n;

    if (realpath(name, out) != NULL)
        return 0;
    if (errno != ENOENT)
        return cr_output_failed(errno, name, err);
    if (name[0] != '/' && getcwd(base, sizeof(base)) == NULL)
        return cr_fail(err, errno, "cannot find the current directory: %s", strerror(errno));
    n = snprintf(out, PATH_MAX, "%s%s%s", base, base[0] != '\0' ? "/" : "", name);
    return n < PATH_MAX ? 0 : cr_output_failed(ENAMETOOLONG, name, err);
}

/* FOLDER/.NAME.OWNPID.tmp for the NAME behind the last slash of PATH. */
int cr_output_name_work(char *out, const char *path, const char *folder, struct cr_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int length = folder != NULL ? (int)strlen(folder) : (int)(slash - path);
    int n = snprintf(out, PATH_MAX, "%.*s/.%.*s.%d.tmp", length, folder != NULL ? folder : path,
                     NAME_KEPT, name, getpid());

    return n < PATH_MAX ? 0 : cr_output_failed(ENAMETOOLONG, path, err);
}

static int check_old_file(const struct cr_output *o, const struct stat *st, struct cr_error *err)
{
    if (o->options->replace == CR_OUTPUT_NOCLOBBER)
        return cr_fail(err, EEXIST, "%s exists; choose another name, or leave out --noclobber",
                       o->name);
    if (S_ISDIR(st->st_mode))
        return cr_fail(err, EISDIR, "%s is a directory; use -d to write into a new one", o->name);
    if (S_ISREG(st->st_mode) && st->st_nlink > 1 && o->options->replace != CR_OUTPUT_BACKUP)
        return cr_fail(err, EMLINK,
                       "%s has %lu hard links; remove it, choose another name, or use --backup",
                       o->name, (unsigned long)st->st_nlink);
    return 0;
}

static int open_fifo(const char *name, int (*interrupt)(void), struct cr_error *err)
{
    const struct timespec step = {0, READER_STEP_NS};
    int fd;

    while ((fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && errno == ENXIO) {
        int code = interrupt();
        if (code != 0)
            return cr_fail(err, code, "gave up: nobody reads %s", name);
        nanosleep(&step, NULL);
    }
    if (fd < 0)
        return cr_output_failed(errno, name, err);
    fcntl(fd, F_SETFL, 0);
    return fd;
}

static int connect_socket(const char *name, struct cr_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(name) >= sizeof(address.sun_path))
        return cr_output_failed(ENAMETOOLONG, name, err);
    strcpy(address.sun_path, name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return cr_output_failed(errno, name, err);
}

/* The image that goes into a stream is complete before its first byte goes there. */
static int open_stream(struct cr_output *o, int fd, struct cr_error *err)
{
    const char *folder = getenv("TMPDIR");
    char here[PATH_MAX];
    struct stat st;

    if (fd < 0)
        return fd;
    o->kind = CR_OUTPUT_STREAM;
    o->stream = fd;
    if (folder != NULL && folder[0] == '/')
        return cr_output_name_work(o->work, o->name, folder, err);
    if (stat(o->name, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return cr_output_name_work(o->work, o->name, NULL, err);
    if (getcwd(here, sizeof(here)) == NULL)
        return cr_fail(err, errno, "cannot find the current directory: %s", strerror(errno));
    return cr_output_name_work(o->work, o->name, here, err);
}

static int open_descriptor(struct cr_output *o, struct cr_error *err)
{
    int flags = fcntl(o->options->fd, F_GETFL);
    struct stat st;

    snprintf(o->name, sizeof(o->name), "descriptor %d", o->options->fd);
    if (flags < 0 || fstat(o->options->fd, &st) < 0)
        return cr_output_failed(errno, o->name, err);
    if ((flags & O_ACCMODE) == O_RDONLY)
        return cr_fail(err, EBADF, "%s is not open for writing", o->name);
    if (S_ISDIR(st.st_mode))
        return cr_output_failed(EISDIR, o->name, err);
    if (S_ISREG(st.st_mode) && st.st_nlink > 1)
        return cr_fail(err, EMLINK, "%s is a file with %lu hard links", o->name,
                       (unsigned long)st.st_nlink);
    fcntl(o->options->fd, F_SETFD, FD_CLOEXEC);
    return open_stream(o, o->options->fd, err);
}

static int open_device(const char *name, struct cr_error *err)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);

    return fd < 0 ? cr_output_failed(errno, name, err) : fd;
}

/* May a new file be made beside NAME? */
static int has_open_folder(const char *name)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%.*s/", (int)(strrchr(name, '/') - name), name);
    return access(folder, W_OK | X_OK) == 0;
}

/* An old file is something that can be written, or that the new one can be put in place of. */
static int open_old_file(struct cr_output *o, const struct stat *st, struct cr_error *err)
{
    int rc = check_old_file(o, st, err);

    if (rc < 0)
        return rc;
    if (S_ISFIFO(st->st_mode))
        return open_stream(o, open_fifo(o->name, o->interrupt, err), err);
    if (S_ISSOCK(st->st_mode))
        return open_stream(o, connect_socket(o->name, err), err);
    if (S_ISCHR(st->st_mode))
        return open_stream(o, open_device(o->name, err), err);
    if (!S_ISREG(st->st_mode))
        return cr_fail(err, EINVAL, "%s is neither a regular file nor a FIFO nor a socket",
                       o->name);
    if (o->options->replace == CR_OUTPUT_CLOBBER && !has_open_folder(o->name))
        return open_stream(o, open_device(o->name, err), err);
    return cr_output_name_work(o->work, o->name, NULL, err);
}

static int open_file(struct cr_output *o, struct cr_error *err)
{
    char own[32];
    struct stat st;
    int rc;

    snprintf(own, sizeof(own), "context.%d", o->options->id);
    rc = cr_output_resolve(o->options->file != NULL ? o->options->file : own, o->name, err);
    if (rc < 0)
        return rc;
    if (stat(o->name, &st) == 0)
        return open_old_file(o, &st, err);
    return cr_output_name_work(o->work, o->name, NULL, err);
}

int cr_output_open(const struct cr_output_options *options, int (*interrupt)(void),
                   struct cr_output *ret_output, struct cr_error *err)
{
    struct cr_output *o = ret_output;

    memset(o, 0, sizeof(*o));
    o->options = options;
    o->stream = -1;
    o->interrupt = interrupt;
    if (options->fd >= 0)
        return open_descriptor(o, err);
    if (options->directory == NULL)
        return open_file(o, err);
    return cr_output_open_directory(o, err);
}
