/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen, but the application runs. The file of an image before its contents are known. */
#include "cr_image_writer.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#define STEP (64UL << 20)
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

static int is_cancelled(const struct cr_image_options *o)
{
    return o->is_cancelled != NULL && o->is_cancelled(o->argument);
}

/* In steps: a large file takes seconds, and the user may give up meanwhile. */
static void reserve(struct cr_image_ready *ready, const struct cr_image_options *options,
                    uint64_t size)
{
    while (ready->reserved < size && !is_cancelled(options)) {
        uint64_t step = size - ready->reserved < STEP ? size - ready->reserved : STEP;

        if (cr_sys(SYS_fallocate, ready->fd, 0, ready->reserved, step) < 0)
            return;
        ready->reserved += step;
    }
}

void cr_image_make_ready(const char *path, const struct cr_image_options *options, uint64_t size,
                         struct cr_image_ready *ret_ready)
{
    char partial[PARTIAL_MAX];

    partial_name(partial, path);
    *ret_ready = (struct cr_image_ready){cr_image_create(partial), 0, path};
    if (ret_ready->fd < 0 || (!options->durable && !cr_image_in_memory(ret_ready->fd)))
        return;
    reserve(ret_ready, options, size);
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
