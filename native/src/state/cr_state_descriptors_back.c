/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors in the restored process. Each open file description is made, or was inherited from the
 * restarter; it is moved to its own number at once, so that no number of another one is ever in the way; what shares a
 * description comes after all of these.
 */
#include "cr_state_descriptors_parts.h"

#include "cr_fd_flight.h"
#include "cr_fd_owner.h"
#include "cr_state_kinds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/resource.h>

int cr_descriptors_each(struct cr_state *state, cr_fd_each_fn *each, void *argument,
                        struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Descriptors *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_DESCRIPTORS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Descriptors_fields, message, err);
        for (pb_size_t i = 0; rc == 0 && i < message->descriptor_count; i++)
            rc = each(state, &message->descriptor[i], argument, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}

static int raise_floor(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                       struct cr_error *err)
{
    int *floor = argument;

    (void)state;
    (void)err;
    if (d->fd >= *floor)
        *floor = d->fd + 1;
    return 0;
}

int cr_descriptors_floor(struct cr_state *state, struct cr_error *err)
{
    int floor = 3;
    int rc = cr_descriptors_each(state, raise_floor, &floor, err);

    return rc < 0 ? rc : floor;
}

struct creation {
    struct cr_fd_create *create;
    cr_fd_take_fn *take;
    void *argument;
};

static int create_one(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                      struct cr_error *err)
{
    const struct creation *creation = argument;
    struct cr_fd_create *c = creation->create;
    const struct cr_fd_kind *kind = cr_fd_kind_find(d->kind);
    size_t mark = c->scratch->used;
    int fd;

    (void)state;
    if (d->same_as >= 0)
        return 0;
    if (kind == NULL)
        return cr_fail(err, CR_EIMAGEVERSION,
                       "descriptor %d is of kind %d, which this version does not "
                       "know",
                       d->fd, (int)d->kind);
    fd = kind->create(c, d, err);
    cr_arena_rewind(c->scratch, mark);
    return fd < 0 ? fd : creation->take(creation->argument, d, fd, err);
}

int cr_descriptors_create(struct cr_fd_create *c, cr_fd_take_fn *take, void *argument,
                          struct cr_error *err)
{
    struct creation creation = {c, take, argument};

    return cr_descriptors_each(c->state, create_one, &creation, err);
}

static int is_open(int fd)
{
    return cr_sys(SYS_fcntl, fd, F_GETFD, 0) >= 0;
}

/* Is the number of D below the limit of open files, which is as high as it can be? */
static int allow_number(const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct rlimit limit;

    if (cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) < 0 || (rlim_t)d->fd < limit.rlim_cur)
        return 0;
    return cr_fail(err, EMFILE,
                   "descriptor %d is above the limit of open files; raise it (ulimit -n) and "
                   "restart",
                   d->fd);
}

/* Moves FD to the number of D. */
static int place(const struct cr_state *state, int fd, const quiesce_image_Descriptor *d,
                 struct cr_error *err)
{
    int rc;

    if (cr_descriptor_is_foreign(state->foreign, d->fd)) {
        cr_sys_close(fd);
        return cr_fail(err, CR_ECOLLISION,
                       "descriptor %d, which the program had open, is in use by the restart itself",
                       d->fd);
    }
    if (fd == d->fd)
        return (int)cr_sys(SYS_fcntl, fd, F_SETFD, d->close_on_exec ? FD_CLOEXEC : 0);
    rc = (int)cr_sys(SYS_dup3, fd, d->fd, d->close_on_exec ? O_CLOEXEC : 0);
    cr_sys_close(fd);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot put back descriptor %d: %s", d->fd, cr_error_words(-rc));
    return 0;
}

/* The restarter's stream is kept; a stream that it does not have is /dev/null. */
static int keep_stream(const struct cr_state *state, const quiesce_image_Descriptor *d,
                       struct cr_error *err)
{
    int from = d->fd <= 2 && is_open(d->fd) ? d->fd : -1;
    int fd;

    if (from >= 0) {
        cr_sys(SYS_fcntl, d->fd, F_SETFD, d->close_on_exec ? FD_CLOEXEC : 0);
        return 0;
    }
    fd = cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot open /dev/null: %s", cr_error_words(-fd));
    return place(state, fd, d, err);
}

/* A cr_fd_take_fn: FD goes to its number. */
static int put_first(void *argument, const quiesce_image_Descriptor *d, int fd,
                     struct cr_error *err)
{
    const struct cr_state *state = argument;
    int rc = allow_number(d, err);

    if (rc < 0)
        return rc;
    return fd == CR_FD_KEEP_STREAM ? keep_stream(state, d, err) : place(state, fd, d, err);
}

static int put_inherited(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                         struct cr_error *err)
{
    (void)argument;
    for (size_t i = 0; d->same_as < 0 && i < state->inherited_count; i++) {
        if (state->inherited[i].fd == d->fd)
            return put_first(state, d, state->inherited[i].number, err);
    }
    return d->same_as < 0 ? cr_fail(err, CR_EINTERNAL, "descriptor %d was not handed over", d->fd)
                          : 0;
}

static int put_sharing(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                       struct cr_error *err)
{
    int fd;
    int rc;

    (void)argument;
    if (d->same_as < 0)
        return 0;
    rc = allow_number(d, err);
    if (rc < 0)
        return rc;
    if (d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD && d->fd <= 2)
        return keep_stream(state, d, err);
    fd = (int)cr_sys(SYS_fcntl, d->same_as, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot duplicate descriptor %d as %d: %s", d->same_as, d->fd,
                       cr_error_words(-fd));
    return place(state, fd, d, err);
}

static int is_inherited(const struct cr_state *state, int fd)
{
    for (size_t i = 0; i < state->inherited_count; i++) {
        if (state->inherited[i].number == fd)
            return 1;
    }
    return 0;
}

/* What the restart inherited from a shell would change the numbers that the program gets, and hold pipes open. */
static int close_inherited(const struct cr_state *state, struct cr_arena *arena,
                           struct cr_error *err)
{
    size_t count;
    int *fds;
    int rc;

    if (state->foreign->range_count > 0)
        return 0;
    rc = cr_proc_list(arena, "/proc/thread-self/fd", &fds, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (fds[i] > 2 && !cr_descriptor_is_foreign(state->foreign, fds[i]) &&
            !is_inherited(state, fds[i]))
            cr_sys_close(fds[i]);
    }
    return rc;
}

static int create_all(struct cr_fd_create *c, struct cr_error *err)
{
    int rc;

    /* Descriptors 0 and 1 may soon be the program's own. */
    for (int i = 0; i < 2; i++)
        c->streams[i] = (int)cr_sys(SYS_fcntl, i, F_DUPFD_CLOEXEC, c->floor);
    rc = cr_descriptors_create(c, put_first, c->state, err);
    if (rc == 0)
        rc = cr_fd_pool_complete(c->pool, err);
    for (int i = 0; i < 2; i++)
        cr_sys(SYS_close, c->streams[i]);
    cr_fd_pool_close(c->pool);
    return rc;
}

static int create_here(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    struct cr_scratch objects;
    struct cr_fd_pool pool = {.arena = &objects.arena};
    struct cr_fd_create c = {
        .state = state, .pool = &pool, .scratch = arena, .alone = 1, .in_process = 1};
    int rc;

    c.floor = cr_descriptors_floor(state, err);
    if (c.floor < 0)
        return c.floor;
    cr_scratch_begin(&objects, arena);
    rc = create_all(&c, err);
    cr_scratch_end(&objects);
    return rc;
}

static int put_back(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    int rc = close_inherited(state, arena, err);

    if (rc == 0)
        rc = state->inherited != NULL ? cr_descriptors_each(state, put_inherited, NULL, err)
                                      : create_here(state, arena, err);
    return rc == 0 ? cr_descriptors_each(state, put_sharing, NULL, err) : rc;
}

/*
 * A descriptor may be above the program's limit, which was lowered when it was open already, and the numbers above all of
 * them are needed in between.
 */
int cr_descriptors_put_back(struct cr_state *state, struct cr_error *err)
{
    struct rlimit own = {0, 0};
    struct rlimit high;
    struct cr_scratch scratch;
    int rc;

    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &own);
    high = (struct rlimit){own.rlim_max, own.rlim_max};
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &high, 0);
    cr_scratch_begin(&scratch, state->arena);
    rc = put_back(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &own, 0);
    return rc;
}

static int finish_one(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                      struct cr_error *err)
{
    const struct cr_fd_kind *kind = cr_fd_kind_find(d->kind);
    const enum cr_fd_turn *turn = argument;

    return d->same_as < 0 && kind != NULL && kind->finish != NULL && kind->turn == *turn
               ? kind->finish(state, d, err)
               : 0;
}

/* It is in the queue of its socket. */
static int close_in_flight(struct cr_state *state, const quiesce_image_Descriptor *d,
                           void *argument, struct cr_error *err)
{
    (void)state;
    (void)argument;
    (void)err;
    if (d->in_flight)
        cr_sys_close(d->fd);
    return 0;
}

int cr_descriptors_finish(struct cr_state *state, struct cr_error *err)
{
    static const enum cr_fd_turn TURNS[] = {CR_FD_REPLACES, CR_FD_DUPLICATES, CR_FD_LAST};
    int rc = 0;

    cr_descriptors_release(state);
    for (size_t i = 0; rc == 0 && i < sizeof(TURNS) / sizeof(*TURNS); i++) {
        enum cr_fd_turn turn = TURNS[i];

        rc = cr_descriptors_each(state, finish_one, &turn, err);
    }
    if (rc == 0)
        rc = cr_owner_put_back(state, err);
    if (state->flight != NULL)
        cr_flight_forget(state->flight);
    return rc == 0 ? cr_descriptors_each(state, close_in_flight, NULL, err) : rc;
}
