/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. One connection with each member, all of them looked after by one poll. */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In this order; what a member has been asked for goes up only. */
static const quiesce_wire_Phase order[] = {
    quiesce_wire_Phase_PHASE_IDLE,      quiesce_wire_Phase_PHASE_COLLECTIVES,
    quiesce_wire_Phase_PHASE_CALLBACKS, quiesce_wire_Phase_PHASE_STOP,
    quiesce_wire_Phase_PHASE_DRAIN,     quiesce_wire_Phase_PHASE_LAYOUT,
    quiesce_wire_Phase_PHASE_DUMP,      quiesce_wire_Phase_PHASE_RESUME,
    quiesce_wire_Phase_PHASE_SEAL};

int cr_group_place_of(quiesce_wire_Phase phase)
{
    for (int i = 0; i < (int)(sizeof(order) / sizeof(*order)); i++) {
        if (order[i] == phase)
            return i;
    }
    return 0;
}

int64_t cr_group_now(void)
{
    return cr_sys_clock_ns(CLOCK_MONOTONIC);
}

#define HOLDING_MS 1

/* ---- sending ---- */

int cr_member_send(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    int rc = cr_frame_send(m->fd, &g->frame, g->sent, sizeof(g->sent), err);

    if (rc != -EPIPE && rc != -ECONNRESET)
        return rc;
    *err = (struct cr_error){0};
    return 0;
}

static void fill_begin(const struct cr_group *g, const struct cr_member *m, quiesce_wire_Begin *b)
{
    const struct cr_group_options *o = g->options;
    const char *destination = o->destination != NULL ? o->destination : o->file;

    b->round = g->round;
    /* Writers of a stopped process would be born stopped. */
    b->durable = o->durable && !m->stopped;
    b->world_size = 1;
    b->group = !g->alone;
    b->alone = g->alone && o->scope != CR_GROUP_PROCESS;
    b->dry_run = o->dry_run != 0;
    b->scope = (int32_t)o->scope;
    b->target = o->target;
    b->requester = o->requester != 0 ? o->requester : getpid();
    b->signal = o->signal;
    b->save = o->save;
    b->files = (quiesce_wire_FilesPolicy)o->files;
    b->tcp = (quiesce_wire_TcpPolicy)o->tcp;
    if (!o->dry_run)
        cr_str_copy(b->file, sizeof(b->file), o->file);
    if (destination != NULL)
        cr_str_copy(b->destination, sizeof(b->destination), destination);
    if (o->exclude != NULL)
        cr_str_copy(b->exclude, sizeof(b->exclude), o->exclude);
    if (o->paths != NULL)
        cr_str_copy(b->paths, sizeof(b->paths), o->paths);
    b->keep_dontdump = o->keep_dontdump != 0;
}

static int send_begin(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    memset(&g->frame, 0, sizeof(g->frame));
    g->frame.round = g->round;
    g->frame.which_body = quiesce_wire_Frame_begin_tag;
    fill_begin(g, m, &g->frame.body.begin);
    return cr_member_send(g, m, err);
}

int cr_member_begin_again(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    quiesce_wire_Phase reached = m->reached;
    int rc;

    m->owed++;
    rc = send_begin(g, m, err);
    while (rc == 0 && m->stage == CR_MEMBER_TALKING && m->owed > 0)
        rc = cr_group_pump(g, -1, err);
    m->reached = reached;
    return rc;
}

static int send_dump(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    int fd = cr_group_file_open(g, err);
    int rc;

    if (fd < 0)
        return fd;
    g->frame.body.enter.offset = m->offset;
    rc = cr_frame_send_with(m->fd, &g->frame, fd, g->sent, sizeof(g->sent), err);
    close(fd);
    if (rc != -EPIPE && rc != -ECONNRESET)
        return rc;
    *err = (struct cr_error){0};
    return 0;
}

int cr_group_stays_stopped(const struct cr_group *g)
{
    const struct cr_group_options *o = g->options;

    return !o->dry_run && (o->early || o->signal == SIGKILL || o->signal == SIGSTOP);
}

/* A phase that this request does not have. */
static int is_left_out(const struct cr_group *g, quiesce_wire_Phase phase)
{
    if (phase == quiesce_wire_Phase_PHASE_DUMP)
        return g->options->dry_run;
    return phase == quiesce_wire_Phase_PHASE_RESUME && cr_group_stays_stopped(g);
}

static int ask_next(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    quiesce_wire_Phase next = order[cr_group_place_of(m->asked) + 1];
    int rc;

    m->asked = next;
    if (is_left_out(g, next))
        return 0;
    cr_frame_enter(&g->frame, g->round, next);
    if (next == quiesce_wire_Phase_PHASE_COLLECTIVES)
        rc = send_begin(g, m, err);
    else if (next == quiesce_wire_Phase_PHASE_DUMP && !g->alone)
        rc = send_dump(g, m, err);
    else
        rc = cr_member_send(g, m, err);
    m->owed += rc == 0;
    return rc;
}

int cr_member_advance(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    int rc = 0;

    while (rc == 0 && m->stage == CR_MEMBER_TALKING && m->fd >= 0 &&
           cr_group_place_of(m->asked) < cr_group_place_of(g->goal))
        rc = ask_next(g, m, err);
    return rc;
}

int cr_member_ask(struct cr_group *g, struct cr_member *m, const quiesce_wire_Phase *phases,
                  size_t count, struct cr_error *err)
{
    size_t size = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        long n;
        cr_frame_enter(&g->frame, g->round, phases[i]);
        n = cr_frame_encode(&g->frame, g->sent + size, sizeof(g->sent) - size, err);
        if (n < 0)
            return (int)n;
        size += (size_t)n;
        m->asked = phases[i];
    }
    m->owed += (int)count;
    rc = cr_frame_send_encoded(m->fd, g->sent, size, err);
    if (rc != -EPIPE && rc != -ECONNRESET)
        return rc;
    *err = (struct cr_error){0};
    return 0;
}

/* ---- receiving ---- */

void cr_member_hang_up(struct cr_member *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    m->owed = 0;
}

/*
 * The connection has ended. As long as nobody has looked at anything, a process may end, or call
 * exec and have another agent; afterwards somebody has killed it.
 */
static int lost(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    int looked = cr_group_place_of(g->goal) > cr_group_place_of(quiesce_wire_Phase_PHASE_STOP);

    cr_member_hang_up(m);
    if (cr_group_place_of(m->reached) >= cr_group_place_of(quiesce_wire_Phase_PHASE_DUMP) &&
        cr_group_place_of(g->goal) >= cr_group_place_of(quiesce_wire_Phase_PHASE_RESUME)) {
        m->unsealed = m->reached != quiesce_wire_Phase_PHASE_SEAL;
        m->reached = quiesce_wire_Phase_PHASE_SEAL;
        return 0;
    }
    m->stage = CR_MEMBER_NEW;
    m->found_at = cr_group_now();
    m->woken_at = 0;
    m->asked = quiesce_wire_Phase_PHASE_IDLE;
    m->reached = quiesce_wire_Phase_PHASE_IDLE;
    if (!looked)
        return 0;
    return cr_fail(err, CR_ERANKLOST, "process %d (%s) ended during the checkpoint", m->facts.pid,
                   m->facts.comm);
}

static void leave(struct cr_member *m)
{
    cr_member_hang_up(m);
    m->stage = CR_MEMBER_LEFT;
}

static int member_failed(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    const quiesce_wire_RankResult *r = &m->result;

    cr_fail(&m->err, r->error, "%s", r->text);
    g->doomed |= r->verdict == quiesce_wire_Verdict_VERDICT_PERMANENT;
    if (r->error == CR_EOMITTED || r->verdict == quiesce_wire_Verdict_VERDICT_OMIT) {
        leave(m);
        return 0;
    }
    if (g->options->dry_run && g->options->refused != NULL && !g->alone) {
        g->options->refused(m->facts.pid, &m->err, g->options->argument);
        leave(m);
        return 0;
    }
    if (g->alone || strncmp(r->text, "process ", 8) == 0)
        return cr_fail(err, r->error, "%s", r->text);
    return cr_fail(err, r->error, "process %d (%s): %s", m->facts.pid, m->facts.comm, r->text);
}

static int take_done(struct cr_group *g, struct cr_member *m, const quiesce_wire_PhaseDone *done,
                     struct cr_error *err)
{
    if (done->result.count == 0)
        return 0;
    m->result = *cr_wire_at(&done->result, quiesce_wire_RankResult, 0);
    m->owed--;
    if (m->result.error != 0)
        return member_failed(g, m, err);
    m->reached = done->phase;
    if (done->phase == quiesce_wire_Phase_PHASE_STOP) {
        m->stop_micros = m->result.micros;
        if (m->stopped)
            return cr_stopped_stand(m, err);
    }
    if (done->phase == quiesce_wire_Phase_PHASE_DUMP)
        m->dump_micros = m->result.micros;
    if (done->phase == quiesce_wire_Phase_PHASE_LAYOUT)
        m->size = m->result.bytes;
    if (m->result.kept_count > 0) {
        memcpy(m->kept, m->result.kept, sizeof(m->kept));
        m->kept_count = m->result.kept_count;
    }
    if (m->result.has_left_out)
        m->left_out = m->result.left_out;
    if (done->phase == quiesce_wire_Phase_PHASE_DUMP ||
        (g->options->dry_run && m->result.has_left_out))
        m->data_bytes = m->result.bytes;
    if (done->phase == quiesce_wire_Phase_PHASE_SEAL) {
        m->size = m->result.bytes;
        m->digest_low = m->result.digest_low;
        m->digest_high = m->result.digest_high;
    }
    return 0;
}

static int take_forward(struct cr_group *g, struct cr_member *m, const quiesce_wire_Forward *f)
{
    const struct cr_group_target t = {(enum cr_group_scope)f->scope, f->target};
    int error = 0;

    if (f->scope < CR_GROUP_PROCESS || f->scope > CR_GROUP_TREE ||
        g->target_count == CR_GROUP_SCOPES_MAX)
        error = EINVAL;
    else if (cr_members_of(g, &t) == 0)
        error = ESRCH;
    else
        g->targets[g->target_count++] = t;
    m->forwarding = error != 0 ? -error : 1;
    g->looked_at = 0;
    return 0;
}

static int take_frame(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    const quiesce_wire_Frame *f = &g->frame;

    switch (f->which_body) {
    case quiesce_wire_Frame_rank_hello_tag:
        if (f->body.rank_hello.known_pid != 0)
            m->known_pid = (pid_t)f->body.rank_hello.known_pid;
        return 0;
    case quiesce_wire_Frame_phase_done_tag:
        return take_done(g, m, &f->body.phase_done, err);
    case quiesce_wire_Frame_forward_tag:
        return take_forward(g, m, &f->body.forward);
    default:
        return 0;
    }
}

static int receive(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    long n = cr_frame_read(&m->reader, m->fd);
    struct cr_error later = {0};
    int first = 0;
    int rc;

    if (n == 0 || n == -ECONNRESET)
        return lost(g, m, err);
    if (n < 0 && n != -EAGAIN && n != -EINTR)
        return cr_fail(err, (int)-n, "connection to process %d: %s", m->facts.pid,
                       cr_error_words((int)-n));
    for (;;) {
        cr_arena_reset(&g->arena);
        rc = cr_frame_next(&m->reader, &g->arena, &g->frame, err);
        if (rc <= 0)
            return first < 0 ? first : rc;
        /* What came along with a failure is an answer all the same. */
        rc = take_frame(g, m, first < 0 ? &later : err);
        first = first < 0 ? first : rc;
        if (m->fd < 0)
            return first;
    }
}

/* ---- connections ---- */

static struct cr_member *awaited(const struct cr_group *g, pid_t pid)
{
    struct cr_member *only = NULL;
    size_t count = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct cr_member *m = g->members[i];
        if (m->stage != CR_MEMBER_WOKEN)
            continue;
        if (m->facts.pid == pid)
            return m;
        only = m;
        count++;
    }
    /* The kernel does not name a peer of another pid namespace. */
    return (pid == 0 || g->session.foreign_listener >= 0) && count == 1 ? only : NULL;
}

static int accept_agents(struct cr_group *g, struct cr_error *err)
{
    for (;;) {
        struct cr_member *m;
        pid_t pid = -1;
        int fd = -1;
        int rc = cr_session_accept(&g->session, 0, &pid, &fd, err);

        if (rc < 0)
            return rc == -EAGAIN ? 0 : rc;
        m = awaited(g, pid);
        if (m != NULL && m->buffer == NULL)
            m->buffer = malloc(CR_MEMBER_BUFFER);
        if (m == NULL || m->buffer == NULL) {
            close(fd);
            continue;
        }
        m->fd = fd;
        m->stage = CR_MEMBER_TALKING;
        m->owed = 0;
        cr_frame_reader_init(&m->reader, m->buffer, CR_MEMBER_BUFFER);
        rc = cr_member_advance(g, m, err);
        if (rc < 0)
            return rc;
    }
}

static int check_limits(const struct cr_group *g, const struct pollfd *cancel, struct cr_error *err)
{
    if (cancel->revents != 0)
        return cr_fail(err, CR_ECANCELLED, "interrupted; nothing was saved, all processes run on");
    if (g->deadline == 0 || cr_group_now() < g->deadline)
        return 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct cr_member *m = g->members[i];
        if (m->stage == CR_MEMBER_WOKEN)
            return cr_member_silent(m, err);
        if (m->stage == CR_MEMBER_NEW || (m->stage == CR_MEMBER_TALKING && m->owed > 0))
            return cr_fail(err, CR_ETIMEOUT,
                           "process %d (%s) did not answer in time (phase %s); it runs on",
                           m->facts.pid, m->facts.comm, cr_frame_phase_name(m->asked));
    }
    return cr_fail(err, CR_ETIMEOUT, "the time is over; all processes run on");
}

static int poll_timeout(const struct cr_group *g, int step_ms)
{
    int64_t left;

    if (g->deadline == 0)
        return step_ms;
    left = (g->deadline - cr_group_now()) / 1000000 + 1;
    if (left < 0)
        left = 0;
    return step_ms < 0 || left < step_ms ? (int)left : step_ms;
}

/* Is somebody on the way to the handlers of its threads? */
static int holding(const struct cr_group *g)
{
    for (size_t i = 0; g->holds && i < g->count; i++) {
        if (g->members[i]->traced_count > 1)
            return 1;
    }
    return 0;
}

static int serve_stopped(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (g->members[i]->traced_count > 0)
            rc = cr_stopped_serve(g->members[i], err);
    }
    return rc;
}

int cr_group_pump(struct cr_group *g, int step_ms, struct cr_error *err)
{
    struct pollfd *fds = calloc(g->count + 3, sizeof(*fds));
    size_t count = g->count;
    int rc = 0;

    if (fds == NULL)
        return cr_fail(err, ENOMEM, "no memory for %zu connections", g->count);
    fds[0] = (struct pollfd){g->cancel_fd, POLLIN, 0};
    fds[1] = (struct pollfd){g->session.listener, POLLIN, 0};
    fds[2] = (struct pollfd){g->session.foreign_listener, POLLIN, 0};
    for (size_t i = 0; i < count; i++)
        fds[i + 3] = (struct pollfd){g->members[i]->fd, POLLIN, 0};
    if (poll(fds, count + 3, poll_timeout(g, holding(g) ? HOLDING_MS : step_ms)) < 0 &&
        errno != EINTR)
        rc = cr_fail(err, errno, "cannot wait for agents: %s", strerror(errno));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (fds[i + 3].revents != 0)
            rc = receive(g, g->members[i], err);
    }
    if (rc == 0 && ((fds[1].revents | fds[2].revents) & POLLIN) != 0)
        rc = accept_agents(g, err);
    if (rc == 0 && g->holds)
        rc = serve_stopped(g, err);
    if (rc == 0)
        rc = check_limits(g, &fds[0], err);
    free(fds);
    return rc;
}
