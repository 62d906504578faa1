/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. epoll. A member is known by its file and by the number it was registered with; that number may be closed
 * by now or belong to another file. So each member is looked for among all descriptors of the process.
 */
#include "cr_fd_epoll.h"

#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"
#include "cr_state_kinds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <sys/epoll.h>

#define MEMBERS_PER_NOTE                                                                           \
    (sizeof(((quiesce_image_Epoll *)0)->member) / sizeof(quiesce_image_EpollMember))

/* Bits of a member that are no events. A member without events was disarmed by EPOLLONESHOT. */
#define MODES (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

/* The hexadecimal number behind NAME in this line; 0: an older kernel does not say. */
static uint64_t read_word(const char *line, const char *name)
{
    while (*line != '\n' && *line != '\0' && !cr_str_starts(line, name))
        line++;
    if (*line == '\n' || *line == '\0')
        return 0;
    line += cr_strlen(name);
    return cr_parse_u64(&line, 16);
}

/* "tfd:        3 events: 40000019 data:                3  pos:0 ino:40e sdev:10" */
int cr_epoll_next(const char **at, struct cr_epoll_line *ret_line)
{
    const char *line = cr_fdinfo_find(*at, "tfd:");

    if (line == NULL)
        return 0;
    *ret_line = (struct cr_epoll_line){.tfd = (int)cr_parse_u64(&line, 10)};
    if (!cr_str_starts(line, " events:"))
        return -EINVAL;
    line += sizeof(" events:") - 1;
    line += *line == ' ';
    while (*line == ' ')
        line++;
    ret_line->events = (uint32_t)cr_parse_u64(&line, 16);
    if (!cr_str_starts(line, " data:"))
        return -EINVAL;
    line += sizeof(" data:") - 1;
    while (*line == ' ')
        line++;
    ret_line->data = cr_parse_u64(&line, 16);
    ret_line->inode = read_word(line, "ino:");
    ret_line->device = read_word(line, "sdev:");
    while (*line != '\n' && *line != '\0')
        line++;
    *at = line;
    return 1;
}

static int is_epoll(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    (void)c;
    return cr_fd_is_anonymous(file, link, "anon_inode:[eventpoll]");
}

static int is_member(int efd, int tfd, uint32_t index, int fd)
{
    struct kcmp_epoll_slot slot = {(uint32_t)efd, (uint32_t)tfd, index};
    int pid = cr_sys_getpid();

    return cr_sys(SYS_kcmp, pid, pid, KCMP_EPOLL_TFD, fd, &slot) == 0;
}

/* A descriptor of the process that has the file of the member, or -1. */
static int find_member(const struct cr_fd_collect *c, int efd, int tfd, uint32_t index)
{
    if (is_member(efd, tfd, index, tfd))
        return tfd;
    for (size_t i = 0; i < c->file_count; i++) {
        if (c->files[i].same_as < 0 && is_member(efd, tfd, index, c->files[i].fd))
            return c->files[i].fd;
    }
    return -1;
}

static uint32_t count_before(const int *tfds, size_t count, int tfd)
{
    uint32_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += tfds[i] == tfd;
    return n;
}

static int flush(struct cr_state *state, quiesce_image_Epoll *e, struct cr_error *err)
{
    int rc =
        cr_state_add(state, quiesce_image_NoteType_NOTE_EPOLL, quiesce_image_Epoll_fields, e, err);

    e->member_count = 0;
    return rc;
}

struct listing {
    quiesce_image_Epoll message;
    uint64_t
        anonymous; /* device of what has no inode of its own, and so looks like all others of its kind */
    int *tfds; /* of the lines before */
    size_t count;
};

/*
 * Another process that shares the epoll instance may have the file. Where that cannot be known now, the restart looks (see
 * cr_epoll_verify()).
 */
static int may_be_elsewhere(const struct cr_fd_collect *c, const struct listing *l,
                            const struct cr_epoll_line *line)
{
    return c->state->in_group && (line->device == l->anonymous || line->inode == 0 ||
                                  cr_fd_is_present(c, line->device, line->inode));
}

static int add_member(struct cr_fd_collect *c, struct listing *l, const struct cr_epoll_line *line,
                      struct cr_error *err)
{
    quiesce_image_EpollMember *m = &l->message.member[l->message.member_count];
    uint32_t index = count_before(l->tfds, l->count, line->tfd);

    l->tfds[l->count++] = line->tfd;
    *m = (quiesce_image_EpollMember){line->tfd, find_member(c, l->message.fd, line->tfd, index),
                                     line->events, line->data};
    if (m->fd < 0 && !may_be_elsewhere(c, l, line))
        cr_refuse(
            c->refusals,
            "descriptor %d is an epoll instance with a member (registered as %d) that no "
            "process of the checkpoint has open; remove it (EPOLL_CTL_DEL) before the checkpoint",
            l->message.fd, line->tfd);
    l->message.member_count++;
    return l->message.member_count == MEMBERS_PER_NOTE ? flush(c->state, &l->message, err) : 0;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct listing *l = cr_arena_alloc(c->scratch, sizeof(*l));
    struct cr_epoll_line line;
    const char *at;
    char *text = NULL;
    size_t lines = 0;
    int rc = l != NULL ? cr_fdinfo_read(c->scratch, file->fd, &text, err) : cr_fail_memory(err);

    (void)link;
    (void)d;
    if (rc < 0)
        return rc;
    for (at = text; *at != '\0'; at++)
        lines += *at == '\n';
    l->message = (quiesce_image_Epoll){.fd = file->fd};
    l->anonymous = file->st.st_dev;
    l->count = 0;
    l->tfds = cr_arena_alloc(c->scratch, (lines + 1) * sizeof(*l->tfds));
    if (l->tfds == NULL)
        return cr_fail_memory(err);
    at = text;
    while (rc == 0) {
        int more = cr_epoll_next(&at, &line);

        if (more < 0)
            return cr_fail(err, CR_EKERNEL, "the kernel's list of epoll instance %d is unknown",
                           file->fd);
        if (more == 0)
            break;
        rc = add_member(c, l, &line, err);
    }
    return rc == 0 && l->message.member_count > 0 ? flush(c->state, &l->message, err) : rc;
}

static int create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    return cr_fd_complete(c, d, (int)cr_sys(SYS_epoll_create1, EPOLL_CLOEXEC), "an epoll instance",
                          err);
}

/* With another file for a moment where the number belongs to one now. */
static int control_as(int efd, int operation, const quiesce_image_EpollMember *m,
                      struct epoll_event *event)
{
    long saved, flags, rc;

    if (m->tfd == m->fd)
        return (int)cr_sys(SYS_epoll_ctl, efd, operation, m->fd, event);
    saved = cr_sys(SYS_fcntl, m->tfd, F_DUPFD_CLOEXEC, 0);
    flags = cr_sys(SYS_fcntl, m->tfd, F_GETFD, 0);
    rc = cr_sys(SYS_dup3, m->fd, m->tfd, O_CLOEXEC);
    if (rc >= 0)
        rc = cr_sys(SYS_epoll_ctl, efd, operation, m->tfd, event);
    if (saved < 0) {
        cr_sys_close(m->tfd);
        return (int)rc;
    }
    cr_sys(SYS_dup3, saved, m->tfd, (flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
    cr_sys_close((int)saved);
    return (int)rc;
}

/*
 * A member is disarmed by an event that happens. Where none can be had now, it stays armed for errors and hang-ups only,
 * which cannot be switched off.
 */
static int add_disarmed(int efd, const quiesce_image_EpollMember *m)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLONESHOT,
                                .data.u64 = m->data};
    struct epoll_event got;
    int rc = control_as(efd, EPOLL_CTL_ADD, m, &event);

    if (rc < 0)
        return rc;
    if (cr_sys(SYS_epoll_pwait, efd, &got, 1, 0, 0, 8) == 1)
        return 0;
    event.events = m->events;
    return control_as(efd, EPOLL_CTL_MOD, m, &event);
}

static int add_again(const struct cr_state *state, int efd, const quiesce_image_EpollMember *m,
                     int disarmed, struct cr_error *err)
{
    struct epoll_event event = {.events = m->events, .data.u64 = m->data};
    int rc;

    if (m->fd < 0 || disarmed != ((m->events & ~(uint32_t)MODES) == 0))
        return 0;
    if (cr_descriptor_is_foreign(state->foreign, m->tfd))
        rc = -EBUSY;
    else
        rc = disarmed ? add_disarmed(efd, m) : control_as(efd, EPOLL_CTL_ADD, m, &event);
    /* Another process that shares the epoll instance was faster. */
    if (rc >= 0 || rc == -EEXIST)
        return 0;
    return cr_fail(err, -rc, "cannot add descriptor %d to epoll instance %d again (as %d): %s",
                   m->fd, efd, m->tfd, cr_error_words(-rc));
}

static int add_all(struct cr_state *state, int efd, quiesce_image_Epoll *message, int disarmed,
                   struct cr_error *err)
{
    int rc = 0;

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_EPOLL)
            continue;
        rc = cr_state_decode(note, quiesce_image_Epoll_fields, message, err);
        for (pb_size_t i = 0; rc == 0 && message->fd == efd && i < message->member_count; i++)
            rc = add_again(state, efd, &message->member[i], disarmed, err);
    }
    return rc;
}

/* Disarmed ones first, while nothing else can be ready. */
static int finish(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Epoll *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? add_all(state, d->fd, message, 1, err) : cr_fail_memory(err);
    if (rc == 0)
        rc = add_all(state, d->fd, message, 0, err);
    cr_scratch_end(&scratch);
    return rc;
}

static int is_watched(const char *text, const quiesce_image_EpollMember *m)
{
    struct cr_epoll_line line;

    while (cr_epoll_next(&text, &line) > 0) {
        if (line.tfd == m->tfd && line.data == m->data)
            return 1;
    }
    return 0;
}

static int verify(struct cr_arena *arena, const quiesce_image_Epoll *message, struct cr_error *err)
{
    char *text = NULL;

    for (pb_size_t i = 0; i < message->member_count; i++) {
        const quiesce_image_EpollMember *m = &message->member[i];
        int rc = m->fd < 0 && text == NULL ? cr_fdinfo_read(arena, message->fd, &text, err) : 0;

        if (rc < 0)
            return rc;
        if (m->fd < 0 && !is_watched(text, m))
            return cr_fail(err, CR_EREFUSED,
                           "epoll instance %d had a member (registered as %d) that no process of "
                           "the checkpoint had open",
                           message->fd, m->tfd);
    }
    return 0;
}

int cr_epoll_verify(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Epoll *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        size_t mark = scratch.arena.used;

        if (note->type != quiesce_image_NoteType_NOTE_EPOLL)
            continue;
        rc = cr_state_decode(note, quiesce_image_Epoll_fields, message, err);
        if (rc == 0)
            rc = verify(&scratch.arena, message, err);
        scratch.arena.used = mark;
    }
    cr_scratch_end(&scratch);
    return rc;
}

const struct cr_fd_kind cr_fd_epoll = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_EPOLL,
                                       .matches = is_epoll,
                                       .collect = collect,
                                       .create = create,
                                       .finish = finish,
                                       .turn = CR_FD_DUPLICATES};
