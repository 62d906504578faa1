/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Objects that several open file descriptions have in common, while these are made. */
#include "cr_state_fd.h"

#include "cr_sys.h"

struct cr_fd_object *cr_fd_pool_find(const struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                     uint64_t inode)
{
    struct cr_fd_object *o = pool->first;

    while (o != NULL && (o->kind != kind || o->device != device || o->inode != inode))
        o = o->next;
    return o;
}

struct cr_fd_object *cr_fd_pool_add(struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                    uint64_t inode)
{
    struct cr_fd_object *o = cr_arena_alloc(pool->arena, sizeof(*o));

    if (o == NULL)
        return NULL;
    *o = (struct cr_fd_object){pool->first, kind, device, inode, {-1, -1}, 0};
    pool->first = o;
    return o;
}

void cr_fd_pool_close(struct cr_fd_pool *pool)
{
    for (const struct cr_fd_object *o = pool->first; o != NULL; o = o->next) {
        for (int i = 0; i < 2; i++) {
            if (o->fds[i] >= 0)
                cr_sys_close(o->fds[i]);
        }
    }
    pool->first = NULL;
}

int cr_fd_raise(int fd, int floor)
{
    int raised;

    if (fd < 0 || fd >= floor)
        return fd;
    raised = (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, floor);
    cr_sys_close(fd);
    return raised;
}
