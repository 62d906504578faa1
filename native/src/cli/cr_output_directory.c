/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A checkpoint that is a directory with one context.PID per process: it is filled under another name and
 * gets its own in one step.
 */
#include "cr_output_parts.h"

#include "cr_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only what a checkpoint consists of is ever removed. */
static int is_of_checkpoint(const char *name)
{
    return strncmp(name, "context.", 8) == 0 || strcmp(name, "manifest.pb") == 0;
}

/* Number of entries that are of a checkpoint, or -1 if there are others, too. */
static int count_entries(const char *folder)
{
    const struct dirent *entry;
    DIR *d = opendir(folder);
    int count = 0;

    if (d == NULL)
        return -1;
    while (count >= 0 && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count = is_of_checkpoint(entry->d_name) ? count + 1 : -1;
    }
    closedir(d);
    return count;
}

static void remove_checkpoint(const char *folder)
{
    const struct dirent *entry;
    DIR *d = opendir(folder);

    if (d == NULL)
        return;
    while ((entry = readdir(d)) != NULL)
        if (is_of_checkpoint(entry->d_name))
            unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    rmdir(folder);
}

static int check_old(const struct cr_output *o, struct cr_error *err)
{
    struct stat st;

    if (stat(o->name, &st) < 0)
        return errno == ENOENT ? 0 : cr_output_failed(errno, o->name, err);
    if (!S_ISDIR(st.st_mode))
        return cr_output_failed(ENOTDIR, o->name, err);
    if (o->options->replace == CR_OUTPUT_NOCLOBBER)
        return cr_fail(err, EEXIST, "%s exists; choose another name, or leave out --noclobber",
                       o->name);
    if (count_entries(o->name) < 0 && o->options->replace != CR_OUTPUT_BACKUP)
        return cr_fail(err, EEXIST,
                       "%s exists and holds other things than a checkpoint; choose a new directory",
                       o->name);
    return 0;
}

int cr_output_open_directory(struct cr_output *o, struct cr_error *err)
{
    char path[64];
    char given[PATH_MAX];
    struct stat st;
    size_t length = strlen(o->options->directory);
    int rc;

    snprintf(given, sizeof(given), "%s", o->options->directory);
    while (length > 1 && length < sizeof(given) && given[length - 1] == '/')
        given[--length] = '\0';
    o->kind = CR_OUTPUT_DIRECTORY;
    rc = cr_output_resolve(given, o->name, err);
    if (rc == 0)
        rc = check_old(o, err);
    if (rc == 0)
        rc = cr_output_name_work(o->folder, o->name, NULL, err);
    if (rc < 0)
        return rc;
    if (mkdir(o->folder, 0700) < 0) {
        int code = errno;
        o->folder[0] = '\0';
        return cr_fail(err, code, "cannot make the directory %s: %s", o->name, strerror(code));
    }
    /* The processes write it themselves: it is theirs. */
    snprintf(path, sizeof(path), "/proc/%d", o->options->id);
    if (geteuid() == 0 && stat(path, &st) == 0 && chown(o->folder, st.st_uid, st.st_gid) < 0)
        return cr_output_failed(errno, o->folder, err);
    if (snprintf(o->work, sizeof(o->work), "%s/context.new", o->folder) >= (int)sizeof(o->work))
        return cr_output_failed(ENAMETOOLONG, o->name, err);
    return 0;
}

/* Several processes get a file each; the image of one gets its name. */
static int name_images(struct cr_output *o, struct cr_error *err)
{
    char path[PATH_MAX];
    int rc = cr_spool_split(o->work, o->folder, "context.", err);

    if (rc >= 0) {
        unlink(o->work);
        return 0;
    }
    if (rc != -CR_ENOTIMAGE)
        return rc;
    *err = (struct cr_error){0};
    if (snprintf(path, sizeof(path), "%s/context.%d", o->folder, o->options->id) >=
        (int)sizeof(path))
        return cr_output_failed(ENAMETOOLONG, o->folder, err);
    return rename(o->work, path) < 0 ? cr_output_failed(errno, path, err) : 0;
}

static int finish_file(int folder, const char *name, int durable, struct cr_error *err)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || fchmod(fd, CR_OUTPUT_IMAGE_MODE) < 0 || (durable && fsync(fd) < 0))
        rc = cr_output_failed(errno, name, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int finish_files(const struct cr_output *o, struct cr_error *err)
{
    const struct dirent *entry;
    DIR *d = opendir(o->folder);
    int rc = 0;

    if (d == NULL)
        return cr_output_failed(errno, o->folder, err);
    while (rc == 0 && (entry = readdir(d)) != NULL)
        if (is_of_checkpoint(entry->d_name))
            rc = finish_file(dirfd(d), entry->d_name, o->options->durable, err);
    closedir(d);
    return rc;
}

/* The old directory takes the temporary name, and goes. */
static int exchange(struct cr_output *o, struct cr_error *err)
{
    char backup[PATH_MAX];
    int rc;

    if (renameat2(AT_FDCWD, o->folder, AT_FDCWD, o->name, RENAME_EXCHANGE) < 0)
        return cr_fail(err, errno, "cannot give the directory its name %s: %s", o->name,
                       strerror(errno));
    if (o->options->replace != CR_OUTPUT_BACKUP) {
        remove_checkpoint(o->folder);
        return 0;
    }
    rc = cr_output_name_backup(o, backup, err);
    if (rc == 0 && rename(o->folder, backup) < 0)
        rc = cr_fail(err, errno, "cannot keep %s as %s: %s", o->name, backup, strerror(errno));
    return rc;
}

int cr_output_commit_directory(struct cr_output *o, struct cr_error *err)
{
    int rc = name_images(o, err);

    if (rc == 0)
        rc = finish_files(o, err);
    if (rc == 0)
        rc = cr_output_sync_folder(o, o->work, err);
    if (rc < 0)
        return rc;
    if (renameat2(AT_FDCWD, o->folder, AT_FDCWD, o->name, RENAME_NOREPLACE) < 0 &&
        (errno != EINVAL || rename(o->folder, o->name) < 0))
        rc = errno == EEXIST ? exchange(o, err)
                             : cr_fail(err, errno, "cannot give the directory its name %s: %s",
                                       o->name, strerror(errno));
    if (rc == 0)
        o->folder[0] = '\0';
    return rc == 0 ? cr_output_sync_folder(o, o->name, err) : rc;
}

void cr_output_discard_directory(struct cr_output *o)
{
    remove_checkpoint(o->folder);
    o->folder[0] = '\0';
}
