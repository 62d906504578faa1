/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. From a watch in fdinfo to its path. */
#include "cr_fd_inotify.h"

#include "cr_fd_common.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MINOR_BITS 20 /* of a device number in the kernel */

struct cr_inotify_path *cr_inotify_paths;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_field(const char **at, const char *name, unsigned base, uint64_t *ret_value)
{
    while (**at == ' ')
        (*at)++;
    if (!cr_str_starts(*at, name))
        return -EINVAL;
    *at += cr_strlen(name);
    *ret_value = cr_parse_u64(at, base);
    return 0;
}

static int read_handle(const char **at, struct cr_inotify_line *line)
{
    uint64_t size, type;

    if (read_field(at, "fhandle-bytes:", 16, &size) < 0 ||
        read_field(at, "fhandle-type:", 16, &type) < 0 || !cr_str_starts(*at, " f_handle:") ||
        size > sizeof(line->handle))
        return -EINVAL;
    *at += sizeof(" f_handle:") - 1;
    for (uint64_t i = 0; i < size; i++, *at += 2) {
        int high = hex_digit((*at)[0]);
        int low = high < 0 ? -1 : hex_digit((*at)[1]);

        if (low < 0)
            return -EINVAL;
        line->handle[i] = (uint8_t)(high << 4 | low);
    }
    line->handle_size = (uint32_t)size;
    line->handle_type = (int32_t)type;
    return 0;
}

/* "inotify wd:1 ino:3f7e8 sdev:fe00000 mask:2 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:e8f7030000000000" */
int cr_inotify_next(const char **at, struct cr_inotify_line *ret_line)
{
    const char *line = cr_fdinfo_find(*at, "inotify ");
    uint64_t wd, mask, device, ignored;

    if (line == NULL)
        return 0;
    memset(ret_line, 0, sizeof(*ret_line));
    if (read_field(&line, "wd:", 16, &wd) < 0 ||
        read_field(&line, "ino:", 16, &ret_line->inode) < 0 ||
        read_field(&line, "sdev:", 16, &device) < 0 || read_field(&line, "mask:", 16, &mask) < 0 ||
        read_field(&line, "ignored_mask:", 16, &ignored) < 0)
        return -EINVAL;
    ret_line->wd = (int)wd;
    ret_line->mask = (uint32_t)mask;
    ret_line->device =
        makedev((unsigned)(device >> MINOR_BITS), (unsigned)(device & ((1U << MINOR_BITS) - 1)));
    /* Some file systems have no handles. */
    read_handle(&line, ret_line);
    while (*line != '\n' && *line != '\0')
        line++;
    *at = line;
    return 1;
}

static int leads_to(const char *path, const struct cr_inotify_line *line)
{
    struct stat st;

    return cr_sys(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == line->inode;
}

static int find_noted(const struct cr_inotify_line *line, char *out)
{
    const struct cr_inotify_path *p = __atomic_load_n(&cr_inotify_paths, __ATOMIC_ACQUIRE);

    for (; p != NULL; p = p->next) {
        if (p->inode != line->inode || !leads_to(p->path, line))
            continue;
        cr_str_copy(out, CR_PATH_SIZE, p->path);
        return 0;
    }
    return -ENOENT;
}

struct handle {
    uint32_t size;
    int32_t type;
    uint8_t bytes[128];
};

/* MOUNT: a directory of the same file system. */
static int open_by_handle(const char *mount, const struct cr_inotify_line *line, char *out)
{
    struct handle handle = {line->handle_size, line->handle_type, {0}};
    char path[48];
    int mount_fd = cr_sys_open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int fd;
    long rc;

    if (mount_fd < 0)
        return mount_fd;
    memcpy(handle.bytes, line->handle, sizeof(handle.bytes));
    fd = (int)cr_sys(SYS_open_by_handle_at, mount_fd, &handle, O_PATH | O_CLOEXEC);
    cr_sys_close(mount_fd);
    if (fd < 0)
        return fd;
    cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
    rc = cr_sys_readlink(path, out, CR_PATH_SIZE);
    cr_sys_close(fd);
    return rc > 0 && leads_to(out, line) ? 0 : -ENOENT;
}

static const char *next_word(const char *at)
{
    while (*at != ' ' && *at != '\0')
        at++;
    return *at == ' ' ? at + 1 : at;
}

/* Lines of mountinfo: "36 35 98:0 /root /mount/point ...". */
static int find_by_handle(char *mounts, const struct cr_inotify_line *line, char *out)
{
    for (char *at = mounts; *at != '\0';) {
        const char *device = next_word(next_word(at));
        const char *number = device;
        unsigned major_number = (unsigned)cr_parse_u64(&number, 10);
        unsigned minor_number =
            *number == ':' ? (number++, (unsigned)cr_parse_u64(&number, 10)) : 0;
        char *mount = (char *)next_word(next_word(device));
        char *end = mount;

        while (*end != ' ' && *end != '\0')
            end++;
        while (*end != '\0' && *at != '\n' && *at != '\0')
            at++;
        if (*end == ' ')
            *end = '\0';
        at += *at == '\n';
        if (makedev(major_number, minor_number) == line->device &&
            open_by_handle(mount, line, out) == 0)
            return 0;
    }
    return -ENOENT;
}

int cr_inotify_find_path(struct cr_arena *scratch, const struct cr_inotify_line *line, char *out)
{
    size_t mark = scratch->used;
    char *text;
    size_t length;
    int rc = find_noted(line, out);

    if (rc == 0 || line->handle_size == 0)
        return rc;
    if (cr_proc_read(scratch, "/proc/self/mountinfo", &text, &length, NULL) == 0)
        rc = find_by_handle(text, line, out);
    cr_arena_rewind(scratch, mark);
    return rc;
}
