/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. An image that is complete gets its name, or goes into its stream. */
#include "cr_output_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE (1UL << 20)

/* The number in NAME.~N~, or 0. */
static long backup_number(const char *entry, const char *name)
{
    size_t length = strlen(name);
    char *end;
    long number;

    if (strncmp(entry, name, length) != 0 || strncmp(entry + length, ".~", 2) != 0)
        return 0;
    number = strtol(entry + length + 2, &end, 10);
    return strcmp(end, "~") == 0 && number > 0 ? number : 0;
}

int cr_output_name_backup(const struct cr_output *o, char *out, struct cr_error *err)
{
    const char *name = strrchr(o->name, '/') + 1;
    const struct dirent *entry;
    char folder[PATH_MAX];
    long highest = 0;
    DIR *d;

    if (o->options->backup != NULL)
        return snprintf(out, PATH_MAX, "%s", o->options->backup) < PATH_MAX
                   ? 0
                   : cr_output_failed(ENAMETOOLONG, o->options->backup, err);
    snprintf(folder, sizeof(folder), "%.*s", (int)(name - o->name), o->name);
    d = opendir(folder);
    if (d == NULL)
        return cr_output_failed(errno, folder, err);
    while ((entry = readdir(d)) != NULL)
        if (backup_number(entry->d_name, name) > highest)
            highest = backup_number(entry->d_name, name);
    closedir(d);
    return snprintf(out, PATH_MAX, "%s.~%ld~", o->name, highest + 1) < PATH_MAX
               ? 0
               : cr_output_failed(ENAMETOOLONG, o->name, err);
}

/* The old file gets a second name, so that there is one under its own at every moment. */
static int keep_backup(const struct cr_output *o, struct cr_error *err)
{
    char backup[PATH_MAX];
    int rc = cr_output_name_backup(o, backup, err);

    if (rc < 0)
        return rc;
    if (link(o->name, backup) == 0 || errno == ENOENT)
        return 0;
    /* A backup of that name gives way; some file systems have no links at all. */
    if (rename(o->name, backup) < 0)
        return cr_fail(err, errno, "cannot keep %s as %s: %s", o->name, backup, strerror(errno));
    return 0;
}

int cr_output_sync_folder(const struct cr_output *o, const char *name, struct cr_error *err)
{
    char folder[PATH_MAX];
    int fd;
    int rc;

    if (!o->options->durable)
        return 0;
    snprintf(folder, sizeof(folder), "%.*s/", (int)(strrchr(name, '/') - name), name);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A folder that may be written but not read cannot be synced. */
    if (fd < 0)
        return 0;
    rc = fsync(fd) < 0 && errno != EINVAL ? cr_output_failed(errno, folder, err) : 0;
    close(fd);
    return rc;
}

static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) < 0 ? -1 : unlink(from);
}

static int commit_file(const struct cr_output *o, struct cr_error *err)
{
    int rc;

    if (chmod(o->work, CR_OUTPUT_IMAGE_MODE) < 0)
        return cr_output_failed(errno, o->work, err);
    if (o->options->replace == CR_OUTPUT_BACKUP) {
        rc = keep_backup(o, err);
        if (rc < 0)
            return rc;
    }
    rc = o->options->replace == CR_OUTPUT_NOCLOBBER ? rename_new(o->work, o->name)
                                                    : rename(o->work, o->name);
    if (rc < 0)
        return cr_fail(err, errno, "cannot give the image its name %s: %s", o->name,
                       strerror(errno));
    return cr_output_sync_folder(o, o->name, err);
}

/* Writes SIZE bytes, looking after every interrupted write whether to go on. */
static int write_all(const struct cr_output *o, const char *bytes, size_t size,
                     struct cr_error *err)
{
    while (size > 0) {
        ssize_t n = write(o->stream, bytes, size);
        int code = n < 0 && errno != EINTR ? errno : 0;

        if (code == 0)
            code = o->interrupt();
        if (code != 0)
            return cr_fail(err, code, "cannot write the image to %s: %s", o->name,
                           code >= 1000 ? "gave up" : strerror(code));
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int copy(const struct cr_output *o, int from, struct cr_error *err)
{
    char *buffer = malloc(COPY_SIZE);
    ssize_t n = 0;
    int rc = buffer != NULL ? 0 : cr_output_failed(ENOMEM, o->name, err);

    while (rc == 0 && (n = read(from, buffer, COPY_SIZE)) > 0)
        rc = write_all(o, buffer, (size_t)n, err);
    if (rc == 0 && n < 0)
        rc = cr_output_failed(errno, o->work, err);
    free(buffer);
    return rc;
}

static int commit_stream(struct cr_output *o, struct cr_error *err)
{
    int from = open(o->work, O_RDONLY | O_CLOEXEC);
    struct stat st;
    int rc;

    if (from < 0)
        return cr_output_failed(errno, o->work, err);
    /* An old file that is written over is emptied at the last moment. */
    if (o->options->fd < 0 && fstat(o->stream, &st) == 0 && S_ISREG(st.st_mode) &&
        ftruncate(o->stream, 0) < 0)
        rc = cr_output_failed(errno, o->name, err);
    else
        rc = copy(o, from, err);
    close(from);
    if (rc == 0 && o->options->durable && fsync(o->stream) < 0 && errno != EINVAL &&
        errno != EROFS && errno != ENOTSUP)
        rc = cr_output_failed(errno, o->name, err);
    close(o->stream);
    o->stream = -1;
    unlink(o->work);
    return rc;
}

int cr_output_commit(struct cr_output *output, struct cr_error *err)
{
    if (output->kind == CR_OUTPUT_STREAM)
        return commit_stream(output, err);
    if (output->kind == CR_OUTPUT_DIRECTORY)
        return cr_output_commit_directory(output, err);
    return commit_file(output, err);
}

void cr_output_discard(struct cr_output *output)
{
    if (output->work[0] != '\0')
        unlink(output->work);
    if (output->folder[0] != '\0')
        cr_output_discard_directory(output);
    if (output->stream >= 0)
        close(output->stream);
    output->stream = -1;
}
