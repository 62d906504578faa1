/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen, but the application runs. The file of an image before its contents are known. */
#include "cr_image_writer.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#define PARTIAL_MAX 4352 /* a path and the suffix */

int cr_image_in_memory(int fd)
{
    struct statfs fs = {0};

    return cr_sys(SYS_fstatfs, fd, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static void partial_name(char *out, const char *path)
{
    cr_fmt(out, PARTIAL_MAX, "%s" CR_PARTIAL_SUFFIX, path);
}

void cr_image_make_ready(const char *path, const struct cr_image_options *options, uint64_t size,
                         struct cr_image_ready *ret_ready)
{
    char partial[PARTIAL_MAX];

    partial_name(partial, path);
    *ret_ready = (struct cr_image_ready){cr_image_create(partial), 0, path};
    if (ret_ready->fd < 0 || (!options->durable && !cr_image_in_memory(ret_ready->fd)))
        return;
    if (cr_sys(SYS_fallocate, ret_ready->fd, 0, 0, size) == 0)
        ret_ready->reserved = size;
}

void cr_image_drop_ready(struct cr_image_ready *ready)
{
    char partial[PARTIAL_MAX];

    if (ready->fd < 0)
        return;
    cr_sys_close(ready->fd);
    ready->fd = -1;
    partial_name(partial, ready->path);
    cr_sys(SYS_unlinkat, AT_FDCWD, partial, 0);
}
