/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What a checkpoint wrote: one image, or a tar file of several with a manifest. */
#include "cr_restore_group_parts.h"

#include "cr_fmt.h"
#include "cr_manifest.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (1UL << 30) /* address space only */

void *cr_group_alloc(struct cr_restore_group *g, size_t size, struct cr_error *err)
{
    void *p = cr_arena_alloc(&g->arena, size);

    if (p == NULL)
        cr_fail(err, ENOMEM, "no memory for the processes of %s", g->path);
    return p;
}

/* Room for COUNT processes and what helps to make them: at most a leader and a group for each. */
static int make_kin(struct cr_restore_group *g, size_t count, struct cr_error *err)
{
    g->kin_room = 3 * count + 1;
    g->kin = cr_group_alloc(g, g->kin_room * sizeof(*g->kin), err);
    return g->kin != NULL ? 0 : -ENOMEM;
}

static struct cr_kin *add_kin(struct cr_restore_group *g)
{
    struct cr_kin *k = &g->kin[g->kin_count++];

    k->parent = -1;
    k->maker = -1;
    k->foreground = -1;
    k->exit_signal = SIGCHLD;
    k->comm = "";
    k->socket = -1;
    k->peer_socket = -1;
    return k;
}

/* One image: a group of one. */
static int read_single(struct cr_restore_group *g, struct cr_error *err)
{
    struct cr_kin *k;
    int rc = make_kin(g, 1, err);

    if (rc < 0)
        return rc;
    k = add_kin(g);
    rc = cr_restore_open(g->path, g->flags, &k->image, err);
    if (rc < 0)
        return rc;
    g->image_fd = k->image->reader.fd;
    k->pid = (int)k->image->header->pid;
    k->pgid = k->image->header->pgid;
    k->sid = k->image->header->sid;
    k->comm = k->image->header->command;
    return 0;
}

static char *copy_text(struct cr_restore_group *g, const char *text, struct cr_error *err)
{
    size_t size = strlen(text) + 1;
    char *copy = cr_group_alloc(g, size, err);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static int open_member(struct cr_restore_group *g, const struct cr_manifest *m,
                       const quiesce_group_Member *member, struct cr_kin *k, struct cr_error *err)
{
    int rc = cr_restore_open_member(m, g->path, member, g->flags, &k->image, err);

    if (rc < 0)
        return rc;
    if ((int)k->image->header->pid != k->pid)
        return cr_fail(err, CR_EDAMAGED, "%s: the image of process %d is that of process %u",
                       g->path, k->pid, k->image->header->pid);
    /* One descriptor serves all: each reads at its own offsets. */
    cr_sys_close(k->image->reader.fd);
    k->image->reader.fd = g->image_fd;
    return 0;
}

/* What the program of R called what the requester saw as KERNEL. */
static int known_id(const struct cr_restore *r, int kernel, uint32_t kind)
{
    for (size_t i = 0; r != NULL && i < r->known_id_count; i++)
        if (r->known_ids[i].kernel == kernel && (r->known_ids[i].kinds & kind) != 0)
            return r->known_ids[i].known;
    return kernel;
}

/* A process tells how it is called, but the dead do not, nor groups and sessions whose leaders are gone. */
static void use_known_ids(struct cr_restore_group *g, struct cr_kin *k)
{
    const struct cr_restore *r = k->parent >= 0 ? g->kin[k->parent].image : NULL;

    if (k->kind == CR_KIN_ZOMBIE)
        k->pid = known_id(r, k->pid, CR_ID_PROCESS);
    else
        r = k->image;
    if (cr_group_find(g, k->pgid) < 0)
        k->pgid = known_id(r, k->pgid, CR_ID_GROUP);
    if (cr_group_find(g, k->sid) < 0)
        k->sid = known_id(r, k->sid, CR_ID_SESSION);
}

static int add_member(struct cr_restore_group *g, const struct cr_manifest *m,
                      const quiesce_group_Member *member, struct cr_error *err)
{
    struct cr_kin *k = add_kin(g);

    k->pid = member->pid;
    k->pgid = member->pgid;
    k->sid = member->sid;
    k->child_of_init = member->child_of_init;
    k->tty = member->tty;
    k->foreground = member->foreground;
    k->exit_signal = member->exit_signal;
    k->exit_status = member->exit_status;
    k->stopped = member->state == quiesce_group_MemberState_MEMBER_STOPPED;
    k->comm = copy_text(g, member->comm, err);
    k->kind =
        member->state == quiesce_group_MemberState_MEMBER_ZOMBIE ? CR_KIN_ZOMBIE : CR_KIN_PROCESS;
    if (k->comm == NULL)
        return -ENOMEM;
    k->parent = member->parent != 0 ? cr_group_find(g, member->parent) : -1;
    if (member->parent != 0 && (k->parent < 0 || k->parent == (int)g->kin_count - 1))
        return cr_fail(err, CR_EDAMAGED, "%s: process %d comes before its parent %d", g->path,
                       member->pid, member->parent);
    return k->kind == CR_KIN_PROCESS ? open_member(g, m, member, k, err) : 0;
}

static int add_open_files(struct cr_restore_group *g, const struct cr_manifest *m,
                          struct cr_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < m->open_file_count; i++)
        count += m->open_files[i].holder_count;
    g->shared_files = cr_group_alloc(g, (count + 1) * sizeof(*g->shared_files), err);
    if (g->shared_files == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < m->open_file_count; i++)
        for (size_t j = 0; j < m->open_files[i].holder_count; j++)
            g->shared_files[g->shared_file_count++] =
                (struct cr_shared_file){m->open_files[i].id, m->open_files[i].holder[j].pid,
                                        m->open_files[i].holder[j].fd, -1};
    return 0;
}

/* The order of members, the eldest first: the one that was asked for, if it has no parent here. */
static size_t find_eldest(const struct cr_manifest *m)
{
    for (size_t i = 0; i < m->member_count; i++)
        if (m->members[i].pid == m->group.target && m->members[i].parent == 0)
            return i;
    for (size_t i = 0; i < m->member_count; i++)
        if (m->members[i].parent == 0 &&
            m->members[i].state != quiesce_group_MemberState_MEMBER_ZOMBIE)
            return i;
    return 0;
}

static int read_members(struct cr_restore_group *g, const struct cr_manifest *m,
                        struct cr_error *err)
{
    size_t eldest = find_eldest(m);
    int rc = make_kin(g, m->member_count, err);

    if (rc == 0 && m->member_count == 0)
        rc = cr_fail(err, CR_EDAMAGED, "%s: there is no process in it", g->path);
    if (rc == 0)
        rc = add_member(g, m, &m->members[eldest], err);
    for (size_t i = 0; rc == 0 && i < m->member_count; i++)
        rc = i != eldest ? add_member(g, m, &m->members[i], err) : 0;
    for (size_t i = 0; rc == 0 && i < g->kin_count; i++)
        use_known_ids(g, &g->kin[i]);
    if (rc == 0 && g->kin[0].kind != CR_KIN_PROCESS)
        rc = cr_fail(err, CR_EDAMAGED, "%s: the eldest process in it is dead", g->path);
    return rc < 0 ? rc : add_open_files(g, m, err);
}

static int read_group(struct cr_restore_group *g, struct cr_error *err)
{
    struct cr_manifest m;
    struct cr_arena arena;
    int rc = cr_arena_create(&arena, ARENA_SIZE);

    if (rc < 0)
        return cr_fail(err, -rc, "no memory to read %s", g->path);
    rc = cr_manifest_open(&arena, g->path, &m, err);
    if (rc == 0) {
        g->image_fd = (int)cr_sys(SYS_fcntl, m.fd, F_DUPFD_CLOEXEC, 0);
        rc = read_members(g, &m, err);
        cr_manifest_close(&m);
    }
    cr_arena_destroy(&arena);
    return rc;
}

int cr_group_read(struct cr_restore_group *g, struct cr_error *err)
{
    int rc = read_group(g, err);

    if (rc != -CR_ENOTIMAGE)
        return rc;
    *err = (struct cr_error){0};
    return read_single(g, err);
}
