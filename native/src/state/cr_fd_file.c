/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Regular files and directories by path, and memory devices. */
#include "cr_fd_files.h"
#include "cr_policy.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/sysmacros.h>

/* Flags of open() that did something once; the others describe the open file. */
#define ONCE (uint32_t)(O_CREAT | O_EXCL | O_TRUNC)

/* Devices as in the kernel's Documentation/admin-guide/devices.txt. */
enum {
    MAJOR_MEMORY = 1,
    MINOR_NULL = 3,
    MINOR_ZERO = 5,
    MINOR_FULL = 7,
    MINOR_RANDOM = 8,
    MINOR_URANDOM = 9,
    MAJOR_TTY = 5,
    MINOR_TTY = 0,
};

static int is_memory_device(const struct stat *st)
{
    unsigned number = minor(st->st_rdev);

    if (!S_ISCHR(st->st_mode))
        return 0;
    if (major(st->st_rdev) == MAJOR_TTY)
        return number == MINOR_TTY;
    return major(st->st_rdev) == MAJOR_MEMORY &&
           (number == MINOR_NULL || number == MINOR_ZERO || number == MINOR_FULL ||
            number == MINOR_RANDOM || number == MINOR_URANDOM);
}

int cr_path_leads_to(const char *path, const struct stat *st)
{
    struct stat found;

    return path[0] == '/' && cr_sys_stat(path, &found) == 0 && found.st_ino == st->st_ino &&
           found.st_dev == st->st_dev;
}

static int is_file(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    return S_ISREG(file->st.st_mode) &&
           (cr_path_leads_to(link, &file->st) || cr_path_other_name(c->scratch, file, link, NULL));
}

static int is_directory(const struct cr_fd_collect *c, const struct cr_open_file *file,
                        const char *link)
{
    (void)c;
    return S_ISDIR(file->st.st_mode) && cr_path_leads_to(link, &file->st);
}

static int is_device(const struct cr_fd_collect *c, const struct cr_open_file *file,
                     const char *link)
{
    (void)c;
    return is_memory_device(&file->st) && (file->fd > 2 || major(file->st.st_rdev) != MAJOR_TTY) &&
           cr_path_leads_to(link, &file->st);
}

static int collect_file(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                        quiesce_image_Descriptor *d, struct cr_error *err)
{
    int rc;

    if (!cr_path_leads_to(link, &file->st))
        cr_path_other_name(c->scratch, file, link, d->path);
    rc = cr_fd_files_collect(c, file, d, err);
    return rc < 0 ? rc : cr_locks_collect(c, d, err);
}

static int check_size(int fd, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct stat st;

    if (d->kind != quiesce_image_DescriptorKind_DESCRIPTOR_FILE || d->files == CR_FILES_CONTENTS ||
        cr_sys_fstat(fd, &st) < 0 || (uint64_t)st.st_size >= d->size)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s (descriptor %d) has %lu bytes and had %lu when the image was taken; put its "
                   "contents back and restart",
                   d->path, d->fd, (unsigned long)st.st_size, (unsigned long)d->size);
}

/*
 * The restarter's own stream goes into the same file, which is then not the program's alone: a job script's log. It is left as it
 * is, and the program goes on where the others are.
 */
static int is_restarters(const quiesce_image_Descriptor *d)
{
    struct stat st;

    return d->fd <= 2 && cr_sys_fstat(d->fd, &st) == 0 && st.st_ino == d->inode &&
           st.st_dev == d->device;
}

static int open_again(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    uint32_t once = (d->status_flags & O_TMPFILE) == O_TMPFILE ? O_TMPFILE : 0;
    int flags = (int)(d->status_flags & ~(ONCE | (uint32_t)O_ASYNC | once)) | O_NOCTTY | O_CLOEXEC;
    int create = d->files == CR_FILES_CONTENTS ? O_CREAT : 0;
    int fd;
    int rc;

    (void)c;
    if (is_restarters(d))
        return CR_FD_KEEP_STREAM;
    fd = cr_sys_open(d->path, flags | create, d->mode);
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
    return fd;
}

static int is_kept(const struct cr_state *state, const quiesce_image_Descriptor *d)
{
    for (size_t i = 0; i < state->inherited_count; i++) {
        if (state->inherited[i].fd == d->fd)
            return state->inherited[i].number == CR_FD_KEEP_STREAM;
    }
    return 0;
}

/* What the program wrote after the image was taken it will write again. */
static int cut(const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct stat st;
    int rc = cr_sys_fstat(d->fd, &st);

    if (rc == 0 && (d->status_flags & O_ACCMODE) != O_RDONLY && (uint64_t)st.st_size > d->size)
        rc = (int)cr_sys(SYS_ftruncate, d->fd, d->size);
    return rc < 0 ? cr_fail(err, -rc, "cannot cut %s (descriptor %d) back to %lu bytes: %s",
                            d->path, d->fd, (unsigned long)d->size, cr_error_words(-rc))
                  : 0;
}

static int finish_file(struct cr_state *state, const quiesce_image_Descriptor *d,
                       struct cr_error *err)
{
    int rc = is_kept(state, d) ? 0 : cut(d, err);

    return rc < 0 ? rc : cr_locks_put_back(state, d, err);
}

const struct cr_fd_kind cr_fd_file = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_FILE,
                                      .matches = is_file,
                                      .collect = collect_file,
                                      .create = open_again,
                                      .finish = finish_file};
const struct cr_fd_kind cr_fd_directory = {.kind =
                                               quiesce_image_DescriptorKind_DESCRIPTOR_DIRECTORY,
                                           .matches = is_directory,
                                           .create = open_again};
const struct cr_fd_kind cr_fd_device = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_DEVICE,
                                        .matches = is_device,
                                        .create = open_again};
