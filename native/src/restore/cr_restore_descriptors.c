/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. All open file descriptions of all processes, each made once, by the process that
 * makes the others, at numbers that nobody wants. Each process inherits them and keeps its own.
 */
#include "cr_restore_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOWEST_FLOOR 64
#define SPARE 64 /* descriptors that the way back needs now and then */

static size_t count_numbers(const struct cr_restore_group *g)
{
    size_t n = 2 * g->kin_count + SPARE;

    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].image != NULL)
            n += 2 * g->kin[i].image->fd_count + g->kin[i].image->file_count;
    return n;
}

static int find_floor(struct cr_restore_group *g, struct cr_error *err)
{
    g->floor = LOWEST_FLOOR;
    for (size_t i = 0; i < g->kin_count; i++) {
        struct cr_restore *r = g->kin[i].image;
        int rc = r != NULL ? cr_restore_list_notes(r, err) : 0;
        if (rc == 0 && r != NULL)
            rc = cr_descriptors_floor(&r->state, err);
        if (rc < 0)
            return rc;
        if (rc > g->floor)
            g->floor = rc;
    }
    return 0;
}

int cr_group_raise(const struct cr_restore_group *g, int fd, struct cr_error *err)
{
    int raised = cr_fd_raise(fd, g->floor);

    return raised >= 0 ? raised
                       : cr_fail(err, -raised,
                                 "no descriptor is left: %s; raise the limit of open "
                                 "files (ulimit -n) and restart",
                                 strerror(-raised));
}

int cr_group_make_room(struct cr_restore_group *g, struct cr_error *err)
{
    struct rlimit limit;
    rlim_t wanted;
    int rc = find_floor(g, err);
    int fd;

    if (rc < 0)
        return rc;
    wanted = (rlim_t)g->floor + count_numbers(g);
    getrlimit(RLIMIT_NOFILE, &limit);
    g->soft_limit = limit.rlim_cur;
    if (limit.rlim_cur < wanted)
        limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return cr_fail(err, EMFILE,
                       "the processes and what they share need %lu descriptors at once, and the "
                       "limit of open files does not allow that; raise it (ulimit -Hn) and restart",
                       (unsigned long)wanted);
    fd = cr_group_raise(g, (int)cr_sys(SYS_fcntl, g->image_fd, F_DUPFD_CLOEXEC, g->floor), err);
    if (fd < 0)
        return fd;
    close(g->image_fd);
    g->image_fd = fd;
    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].image != NULL)
            g->kin[i].image->reader.fd = fd;
    return 0;
}

static struct cr_shared_file *find_shared(const struct cr_restore_group *g, int pid, int fd)
{
    for (size_t i = 0; i < g->shared_file_count; i++)
        if (g->shared_files[i].pid == pid && g->shared_files[i].fd == fd)
            return &g->shared_files[i];
    return NULL;
}

/* All holders of the description learn its number. */
static void tell_holders(struct cr_restore_group *g, uint32_t id, int number)
{
    for (size_t i = 0; i < g->shared_file_count; i++)
        if (g->shared_files[i].id == id)
            g->shared_files[i].number = number;
}

struct making {
    struct cr_restore_group *g;
    struct cr_kin *k;
    struct cr_fd_create create;
};

/* The restarter's own stream, for a descriptor that is none of the standard ones. */
static int use_stream(const struct cr_restore_group *g, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    int stream = (d->status_flags & O_ACCMODE) == O_RDONLY ? 0 : 1;
    int fd;

    if (d->fd <= 2)
        return CR_FD_KEEP_STREAM;
    fd = fcntl(stream, F_DUPFD_CLOEXEC, g->floor);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return cr_group_raise(g, fd < 0 ? -errno : fd, err);
}

static int make_one(struct making *m, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    const struct cr_fd_kind *kind = cr_fd_kind_find(d->kind);
    size_t mark = m->create.scratch->used;
    int fd;

    if (kind == NULL)
        return cr_fail(err, CR_EIMAGEVERSION,
                       "descriptor %d is of kind %d, which this version does not know", d->fd,
                       (int)d->kind);
    fd = kind->create(&m->create, d, err);
    m->create.scratch->used = mark;
    if (fd < 0)
        return fd;
    return fd == CR_FD_KEEP_STREAM ? use_stream(m->g, d, err) : cr_group_raise(m->g, fd, err);
}

static int make_descriptor(struct cr_state *state, const quiesce_image_Descriptor *d,
                           void *argument, struct cr_error *err)
{
    struct making *m = argument;
    struct cr_shared_file *shared = find_shared(m->g, m->k->pid, d->fd);
    int fd = shared != NULL ? shared->number : -1;

    (void)state;
    if (d->same_as >= 0)
        return 0;
    if (fd < 0)
        fd = make_one(m, d, err);
    if (fd < 0)
        return fd;
    if (shared != NULL && fd != CR_FD_KEEP_STREAM)
        tell_holders(m->g, shared->id, fd);
    m->k->inherited[m->k->inherited_count++] = (struct cr_inherited){d->fd, fd};
    return 0;
}

static int make_files_of(struct cr_restore_group *g, struct cr_kin *k, struct cr_error *err)
{
    struct making m = {g, k, {.state = &k->image->state, .pool = &g->pool}};
    int rc;

    m.create.scratch = &g->scratch;
    m.create.floor = g->floor;
    m.create.streams[0] = STDIN_FILENO;
    m.create.streams[1] = STDOUT_FILENO;
    m.create.alone = g->kin_count == 1;
    k->inherited = cr_group_alloc(g, (k->image->fd_count + 1) * sizeof(*k->inherited), err);
    if (k->inherited == NULL)
        return -ENOMEM;
    rc = cr_descriptors_each(&k->image->state, make_descriptor, &m, err);
    /* Kinds look for what they send to others. */
    k->image->state.inherited = k->inherited;
    k->image->state.inherited_count = k->inherited_count;
    return rc < 0 && err->code != 0 ? cr_error_prefix(err, "%s", cr_group_name(k)) : rc;
}

static int make_sockets(struct cr_restore_group *g, struct cr_kin *k, struct cr_error *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return cr_fail(err, errno, "cannot make a socket for %s: %s", cr_group_name(k),
                       strerror(errno));
    k->socket = cr_group_raise(g, pair[0], err);
    k->peer_socket = cr_group_raise(g, pair[1], err);
    return k->socket < 0 || k->peer_socket < 0 ? -EMFILE : 0;
}

/* Kinds look at the notes of all. */
static int list_members(struct cr_restore_group *g, struct cr_error *err)
{
    struct cr_state **members = cr_group_alloc(g, g->kin_count * sizeof(*members), err);

    if (members == NULL)
        return -ENOMEM;
    g->pool = (struct cr_fd_pool){.arena = &g->arena, .members = members};
    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].image != NULL)
            members[g->pool.member_count++] = &g->kin[i].image->state;
    return 0;
}

int cr_group_make_files(struct cr_restore_group *g, struct cr_error *err)
{
    int rc = list_members(g, err);

    for (size_t i = 0; rc == 0 && i < g->kin_count; i++) {
        if (g->kin[i].image == NULL)
            continue;
        rc = make_files_of(g, &g->kin[i], err);
        if (rc == 0)
            rc = make_sockets(g, &g->kin[i], err);
    }
    return rc < 0 ? rc : cr_fd_pool_complete(&g->pool, err);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static size_t list_own(const struct cr_restore_group *g, const struct cr_kin *k, int *own)
{
    size_t n = 0;

    own[n++] = g->image_fd;
    own[n++] = g->handoff_fd;
    own[n++] = k->peer_socket;
    for (size_t i = 0; i < k->inherited_count; i++)
        if (k->inherited[i].number != CR_FD_KEEP_STREAM)
            own[n++] = k->inherited[i].number;
    for (size_t i = 0; i < k->image->file_count; i++)
        if (k->image->files[i].fd >= 0)
            own[n++] = k->image->files[i].fd;
    qsort(own, n, sizeof(*own), compare);
    return n;
}

void cr_group_close_others(const struct cr_restore_group *g, const struct cr_kin *k)
{
    struct rlimit limit;
    int *own = malloc((3 + k->inherited_count + k->image->file_count) * sizeof(*own));
    unsigned next = 3;
    size_t n;

    if (own == NULL)
        return;
    n = list_own(g, k, own);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned)own[i] > next)
            syscall(SYS_close_range, next, (unsigned)own[i] - 1, 0);
        next = (unsigned)own[i] + 1;
    }
    syscall(SYS_close_range, next, ~0U, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = g->soft_limit;
    setrlimit(RLIMIT_NOFILE, &limit);
    free(own);
}

void cr_group_drop_files(struct cr_restore_group *g)
{
    for (size_t i = 0; i < g->kin_count; i++) {
        struct cr_kin *k = &g->kin[i];
        for (size_t j = 0; j < k->inherited_count; j++)
            if (k->inherited[j].number != CR_FD_KEEP_STREAM)
                close(k->inherited[j].number);
        for (size_t j = 0; k->image != NULL && j < k->image->file_count; j++)
            if (k->image->files[j].fd >= 0)
                close(k->image->files[j].fd);
        if (k->peer_socket >= 0)
            close(k->peer_socket);
        k->inherited_count = 0;
        k->peer_socket = -1;
    }
    cr_fd_pool_close(&g->pool);
}
