/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Regular files and directories by path, and memory devices. */
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/sysmacros.h>

/* Flags of open() that did something once; the others describe the open file. */
#define ONCE (O_CREAT | O_EXCL | O_TRUNC)

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

/* Does PATH lead to the file that is open? Not if it was deleted or replaced. */
static int path_leads_to(const char *path, const struct stat *st)
{
    struct stat found;

    return path[0] == '/' && cr_sys_stat(path, &found) == 0 && found.st_ino == st->st_ino &&
           found.st_dev == st->st_dev;
}

static int is_file(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    (void)c;
    return S_ISREG(file->st.st_mode) && path_leads_to(link, &file->st);
}

static int is_directory(const struct cr_fd_collect *c, const struct cr_open_file *file,
                        const char *link)
{
    (void)c;
    return S_ISDIR(file->st.st_mode) && path_leads_to(link, &file->st);
}

static int is_device(const struct cr_fd_collect *c, const struct cr_open_file *file,
                     const char *link)
{
    (void)c;
    return file->fd > 2 && is_memory_device(&file->st) && path_leads_to(link, &file->st);
}

static int collect_locks(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                         quiesce_image_Descriptor *d, struct cr_error *err)
{
    (void)file;
    (void)link;
    (void)err;
    cr_locks_collect(c->scratch, d, c->refusals);
    return 0;
}

static int check_size(int fd, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct stat st;

    if (d->kind != quiesce_image_DescriptorKind_DESCRIPTOR_FILE || cr_sys_fstat(fd, &st) < 0 ||
        (uint64_t)st.st_size >= d->size)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s (descriptor %d) has %lu bytes and had %lu when the image was taken; put its "
                   "contents back and restart",
                   d->path, d->fd, (unsigned long)st.st_size, (unsigned long)d->size);
}

static int open_again(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    int flags = (int)(d->status_flags & ~(uint32_t)ONCE) | O_NOCTTY | O_CLOEXEC;
    int fd = cr_sys_open(d->path, flags, 0);
    int rc;

    (void)c;
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

static int take_locks(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    (void)state;
    return cr_locks_put_back(d, err);
}

const struct cr_fd_kind cr_fd_file = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_FILE,
                                      .matches = is_file,
                                      .collect = collect_locks,
                                      .create = open_again,
                                      .finish = take_locks};
const struct cr_fd_kind cr_fd_directory = {.kind =
                                               quiesce_image_DescriptorKind_DESCRIPTOR_DIRECTORY,
                                           .matches = is_directory,
                                           .create = open_again};
const struct cr_fd_kind cr_fd_device = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_DEVICE,
                                        .matches = is_device,
                                        .create = open_again};
