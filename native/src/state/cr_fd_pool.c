/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Objects that several open file descriptions have in common, while these are made. */
#include "cr_state_fd.h"

#include "cr_sys.h"

struct cr_state *cr_fd_member(const struct cr_fd_create *c, size_t i)
{
    if (c->pool->members == NULL)
        return i == 0 ? c->state : NULL;
    return i < c->pool->member_count ? c->pool->members[i] : NULL;
}

int cr_fd_note_find(const struct cr_state *state, uint32_t type, const struct pb_msgdesc_s *fields,
                    int fd, void *message, struct cr_error *err)
{
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        int rc;

        if (note->type != type)
            continue;
        rc = cr_state_decode(note, fields, message, err);
        if (rc < 0)
            return rc;
        if (*(const int32_t *)message == fd)
            return 0;
    }
    return cr_fail(err, CR_EDAMAGED, "the image says nothing more about descriptor %d", fd);
}

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
