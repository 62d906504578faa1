/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Descriptors that only stand for a place in the file system (O_PATH), and other names of open files. */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#define ENTRIES_SIZE 32768

struct linux_dirent64 {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

static int is_path(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    struct stat found;

    (void)c;
    return (cr_sys(SYS_fcntl, file->fd, F_GETFL, 0) & O_PATH) != 0 && link[0] == '/' &&
           cr_sys(SYS_newfstatat, AT_FDCWD, link, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           found.st_ino == file->st.st_ino && found.st_dev == file->st.st_dev;
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    int fd = cr_fd_raise(cr_sys_open(d->path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), c->floor);

    return fd >= 0 ? fd
                   : cr_fail(err, fd == -ENOENT ? CR_EFILEMISSING : -fd,
                             "cannot open %s again, which the program had as descriptor %d "
                             "(O_PATH): %s; put it back and restart",
                             d->path, d->fd, cr_error_words(-fd));
}

/* Looks through the entries in BUFFER for the inode; the path is put together in OUT, whose first LENGTH bytes stand. */
static int look_through(const char *buffer, long size, const struct stat *st, char *out,
                        size_t length)
{
    for (long at = 0; at < size;) {
        const struct linux_dirent64 *entry = (const struct linux_dirent64 *)(buffer + at);

        at += entry->size;
        if (entry->inode != st->st_ino)
            continue;
        cr_str_copy(out + length, CR_PATH_SIZE - length, entry->name);
        if (cr_path_leads_to(out, st))
            return 1;
    }
    return 0;
}

static int look_in(struct cr_arena *scratch, const struct stat *st, char *path, size_t length)
{
    char *buffer = cr_arena_alloc(scratch, ENTRIES_SIZE);
    int directory;
    int found = 0;
    long n;

    path[length] = '\0';
    directory = cr_sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0)
        return 0;
    while (!found && buffer != NULL &&
           (n = cr_sys(SYS_getdents64, directory, buffer, ENTRIES_SIZE)) > 0)
        found = look_through(buffer, n, st, path, length);
    cr_sys_close(directory);
    return found;
}

int cr_path_other_name(struct cr_arena *scratch, const struct cr_open_file *file, const char *link,
                       char *ret_path)
{
    size_t mark = scratch->used;
    char *path;
    size_t length;
    int found;

    if (file->st.st_nlink == 0 || link[0] != '/' || !cr_str_ends(link, CR_DELETED_SUFFIX))
        return 0;
    path = cr_arena_alloc(scratch, CR_PATH_SIZE);
    if (path == NULL)
        return 0;
    length = cr_str_copy(path, CR_PATH_SIZE, link);
    while (length > 1 && path[length - 1] != '/')
        length--;
    found = look_in(scratch, &file->st, path, length);
    if (found && ret_path != NULL)
        cr_str_copy(ret_path, CR_PATH_SIZE, path);
    cr_arena_rewind(scratch, mark);
    return found;
}

const struct cr_fd_kind cr_fd_path = {
    .kind = quiesce_image_DescriptorKind_DESCRIPTOR_PATH, .matches = is_path, .create = create};
