/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Memory that processes share and that has no file: one object for all of them.
 * Each of them fills it with what its image holds of it, before any of them runs.
 */
#include "cr_restore_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An object that some descriptor has open as well was made with that. */
static const struct cr_fd_object *find_open(const struct cr_restore_group *g,
                                            const struct cr_plan_file *f)
{
    const struct cr_fd_object *o = g->pool.first;

    while (o != NULL && (o->inode != f->inode || o->device != f->device || o->fds[0] < 0))
        o = o->next;
    return o;
}

static int is_same(const struct cr_plan_file *a, const struct cr_plan_file *b)
{
    return b->object && b->fd >= 0 && a->inode == b->inode && a->device == b->device;
}

/* A descriptor of the same object in a process that was looked at before, or in this one. */
static int find_made(const struct cr_restore_group *g, size_t kin, const struct cr_plan_file *f)
{
    for (size_t i = 0; i <= kin; i++) {
        const struct cr_restore *r = g->kin[i].image;
        for (size_t j = 0; r != NULL && j < r->file_count; j++)
            if (&r->files[j] != f && is_same(f, &r->files[j]))
                return r->files[j].fd;
    }
    return -1;
}

static int grow(int fd, uint64_t size, struct cr_error *err)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && (uint64_t)st.st_size < size && ftruncate(fd, (off_t)size) < 0)
        return cr_fail(err, errno, "cannot make %lu bytes of shared memory: %s",
                       (unsigned long)size, strerror(errno));
    return 0;
}

static int make_object(struct cr_restore_group *g, size_t kin, struct cr_plan_file *f,
                       struct cr_error *err)
{
    const struct cr_fd_object *o = find_open(g, f);
    int made = o != NULL ? o->fds[0] : find_made(g, kin, f);
    int fd = made >= 0 ? (int)cr_sys(SYS_fcntl, made, F_DUPFD_CLOEXEC, g->floor)
                       : memfd_create("quiesce-shared", MFD_CLOEXEC | f->huge);

    if (fd < 0)
        return cr_fail(err, made >= 0 ? -fd : errno, "cannot make shared memory");
    f->fd = cr_group_raise(g, fd, err);
    return f->fd < 0 ? f->fd : grow(f->fd, f->size, err);
}

int cr_group_make_memory(struct cr_restore_group *g, struct cr_error *err)
{
    for (size_t i = 0; i < g->kin_count; i++) {
        struct cr_restore *r = g->kin[i].image;
        for (size_t j = 0; r != NULL && j < r->file_count; j++) {
            struct cr_plan_file *f = &r->files[j];
            int rc = f->object && f->sysv_then == 0 ? make_object(g, i, f, err) : 0;
            if (rc < 0)
                return cr_error_prefix(err, "%s", cr_group_name(&g->kin[i]));
        }
    }
    return 0;
}
