/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. timerfds. They are set by the process itself, when all else is done: its monotonic clock may be moved by
 * a time namespace that the restarter is not in.
 */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

#define SET_TICKS _IOW('T', 0, uint64_t)
#define SECOND 1000000000
#define TRIES 10

static int is_timer(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    (void)c;
    return cr_fd_is_anonymous(file, link, "anon_inode:[timerfd]");
}

/* "(5, 17)": seconds and nanoseconds. */
static int read_time(const char *text, const char *name, int64_t *ret_ns)
{
    const char *at = cr_fdinfo_find(text, name);
    uint64_t seconds;

    if (at == NULL || *at++ != '(')
        return -ENOENT;
    seconds = cr_parse_u64(&at, 10);
    if (*at++ != ',' || *at++ != ' ')
        return -ENOENT;
    *ret_ns = (int64_t)(seconds * SECOND + cr_parse_u64(&at, 10));
    return 0;
}

static int parse(const char *text, quiesce_image_TimerFd *t)
{
    uint64_t clock = 0;
    uint64_t flags = 0;

    if (cr_fdinfo_u64(text, "clockid:", 10, &clock) < 0 ||
        cr_fdinfo_u64(text, "ticks:", 10, &t->ticks) < 0 ||
        cr_fdinfo_u64(text, "settime flags:", 8, &flags) < 0 ||
        read_time(text, "it_value:", &t->remaining_ns) < 0 ||
        read_time(text, "it_interval:", &t->interval_ns) < 0)
        return -ENOENT;
    t->clock = (int32_t)clock;
    t->settime_flags = (uint32_t)flags;
    return 0;
}

/*
 * A periodic timer that has expired stands still until somebody asks: only then are its expirations up to now counted, and
 * it is set again. fdinfo alone does not do that; and it may expire between the two.
 */
static int is_standing(const quiesce_image_TimerFd *t)
{
    return t->remaining_ns == 0 && t->interval_ns > 0 && t->ticks > 0;
}

static int look(struct cr_fd_collect *c, quiesce_image_TimerFd *t, struct cr_error *err)
{
    size_t mark = c->scratch->used;
    struct itimerspec now;
    char *text;
    int rc;

    cr_sys(SYS_timerfd_gettime, t->fd, &now);
    rc = cr_fdinfo_read(c->scratch, t->fd, &text, err);
    if (rc == 0 && parse(text, t) < 0)
        rc = cr_fail(err, CR_EKERNEL, "the kernel does not tell the state of timerfd %d", t->fd);
    cr_arena_rewind(c->scratch, mark);
    return rc;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_TimerFd t = {.fd = file->fd};
    int rc = look(c, &t, err);

    (void)link;
    (void)d;
    for (int i = 0; rc == 0 && is_standing(&t) && i < TRIES; i++)
        rc = look(c, &t, err);
    if (rc < 0)
        return rc;
    /* Its interval is shorter than a look takes. */
    if (is_standing(&t))
        t.remaining_ns = t.interval_ns;
    t.expires_ns = t.remaining_ns > 0 ? cr_sys_clock_ns(t.clock) + t.remaining_ns : 0;
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_TIMERFD, quiesce_image_TimerFd_fields,
                        &t, err);
}

static int find(const struct cr_state *state, const quiesce_image_Descriptor *d,
                quiesce_image_TimerFd *t, struct cr_error *err)
{
    return cr_fd_note_find(state, quiesce_image_NoteType_NOTE_TIMERFD, quiesce_image_TimerFd_fields,
                           d->fd, t, err);
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_TimerFd t = quiesce_image_TimerFd_init_zero;
    int rc = find(c->state, d, &t, err);

    if (rc < 0)
        return rc;
    return cr_fd_complete(c, d, (int)cr_sys(SYS_timerfd_create, t.clock, TFD_CLOEXEC), "a timerfd",
                          err);
}

/*
 * An absolute time stays what it was, on a clock that goes on as it did. A rank of an MPI job may find that its host has
 * another one; then what was left counts, as it does for all other timers.
 */
static int64_t expiry_of(const struct cr_state *state, const quiesce_image_TimerFd *t)
{
    int is_absolute = (t->settime_flags & TFD_TIMER_ABSTIME) != 0;
    int is_real = t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;

    if (t->remaining_ns == 0 || !is_absolute)
        return t->remaining_ns;
    if (is_real || state->foreign->range_count == 0)
        return t->expires_ns;
    return cr_sys_clock_ns(t->clock) + t->remaining_ns;
}

static int arm(const struct cr_state *state, int fd, const quiesce_image_TimerFd *t)
{
    int64_t expiry = expiry_of(state, t);
    struct itimerspec timer = {{t->interval_ns / SECOND, t->interval_ns % SECOND},
                               {expiry / SECOND, expiry % SECOND}};
    int rc = (int)cr_sys(SYS_timerfd_settime, fd, t->settime_flags, &timer, 0);

    if (rc < 0 || t->ticks == 0)
        return rc;
    rc = (int)cr_sys(SYS_ioctl, fd, SET_TICKS, &t->ticks);
    if (rc != -ENOTTY || t->ticks != 1 || expiry != 0)
        return rc;
    /* Such a kernel cannot be told; but a timer that has expired once can be made to. */
    timer = (struct itimerspec){{0, 0}, {0, 1}};
    return (int)cr_sys(SYS_timerfd_settime, fd, 0, &timer, 0);
}

static int finish(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_TimerFd t = quiesce_image_TimerFd_init_zero;
    int rc = find(state, d, &t, err);

    if (rc < 0)
        return rc;
    rc = arm(state, d->fd, &t);
    if (rc == -ENOTTY)
        return cr_fail(err, CR_EKERNEL,
                       "this kernel cannot set how often timerfd %d has expired; restart on one "
                       "with CONFIG_CHECKPOINT_RESTORE",
                       d->fd);
    return rc < 0 ? cr_fail(err, -rc, "cannot set timerfd %d: %s", d->fd, cr_error_words(-rc)) : 0;
}

const struct cr_fd_kind cr_fd_timer = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_TIMERFD,
                                       .matches = is_timer,
                                       .collect = collect,
                                       .create = create,
                                       .finish = finish};
