/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. All members through one phase after the other, and back. */
#include "cr_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define STEP_MS 5          /* between looks at processes that are being born */
#define SCAN_NS 20000000LL /* between lists of all processes while some are not stopped yet */
#define END_NS 1000000000LL
#define DEATH_NS (30 * END_NS) /* freeing much memory takes its time */
#define LOOKS_MAX 2
#define CHECK_NS 100000000LL
#define CANCEL_NS                                                                                  \
    (5LL * 1000000000) /* those that do not hear it find the connection closed later */

/* Those that are not where G wants them. NEWBORN: of them, those without a connection. */
static size_t count_missing(const struct cr_group *g, quiesce_wire_Phase phase, size_t *newborn)
{
    size_t missing = 0;

    *newborn = 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct cr_member *m = g->members[i];

        *newborn += m->stage <= CR_MEMBER_WOKEN;
        missing += m->stage <= CR_MEMBER_WOKEN ||
                   (m->stage == CR_MEMBER_TALKING &&
                    cr_group_place_of(m->reached) < cr_group_place_of(phase));
    }
    return missing;
}

static int answer_forwards(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->forwarding == 0 || m->fd < 0)
            continue;
        memset(&g->frame, 0, sizeof(g->frame));
        g->frame.round = g->round;
        g->frame.which_body = quiesce_wire_Frame_forwarded_tag;
        g->frame.body.forwarded.error = m->forwarding < 0 ? -m->forwarding : 0;
        m->forwarding = 0;
        rc = cr_member_send(g, m, err);
    }
    return rc;
}

/* Looks for processes born meanwhile. Returns how many, or a negative code. */
static int find_more(struct cr_group *g, int quick, struct cr_error *err)
{
    int added = g->alone ? 0 : cr_members_scan(g, quick, err);
    int rc = added >= 0 ? cr_members_wake(g, err) : added;

    g->looks++;

    return rc < 0 ? rc : added;
}

static int advance_all(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++)
        rc = cr_member_advance(g, g->members[i], err);
    return rc;
}

/* Somebody may be stopped by a signal at any time; its agent is, too, and says nothing any more. */
static int look_for_stopped(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    if (cr_group_now() - g->checked_at < CHECK_NS)
        return 0;
    g->checked_at = cr_group_now();
    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        struct cr_member *m = g->members[i];
        struct cr_facts facts;

        if (m->stage != CR_MEMBER_TALKING || m->stopped || m->owed == 0 ||
            cr_facts_read(m->facts.pid, &facts) < 0 || facts.state != 'T')
            continue;
        g->holds = 1;
        rc = cr_stopped_begin(m, m->agent, err);
        if (rc == 0 &&
            cr_group_place_of(m->reached) >= cr_group_place_of(quiesce_wire_Phase_PHASE_STOP))
            rc = cr_stopped_stand(m, err);
    }
    return rc;
}

/* One step on the way to PHASE. Returns 1 when everybody is there, 0, or a negative code. */
static int lead_step(struct cr_group *g, quiesce_wire_Phase phase, int finding,
                     struct cr_error *err)
{
    size_t newborn;
    size_t missing = count_missing(g, phase, &newborn);
    int stopping = phase == quiesce_wire_Phase_PHASE_STOP;
    int rc;

    if (missing == 0) {
        /* Before the stop, those that are born all the time are not run after. */
        rc = finding && (stopping || g->looks < LOOKS_MAX) ? find_more(g, stopping, err) : 0;
        return rc < 0 ? rc : rc == 0;
    }
    rc = newborn > 0 ? cr_members_wake(g, err) : 0;
    if (rc == 0 && newborn == 0)
        rc = answer_forwards(g, err);
    if (rc == 0 && finding &&
        (g->looked_at == 0 || (stopping && cr_group_now() - g->looked_at > SCAN_NS)))
        rc = find_more(g, stopping, err);
    if (rc == 0 && finding)
        rc = look_for_stopped(g, err);
    return rc < 0 ? rc : cr_group_pump(g, newborn > 0 || finding ? STEP_MS : -1, err);
}

int cr_group_lead(struct cr_group *g, quiesce_wire_Phase phase, struct cr_error *err)
{
    int finding = cr_group_place_of(phase) <= cr_group_place_of(quiesce_wire_Phase_PHASE_STOP);
    int rc;

    g->goal = phase;
    g->looks = 0;
    if (g->options->progress != NULL)
        g->options->progress(cr_frame_phase_name(phase), g->options->argument);
    rc = advance_all(g, err);
    while (rc == 0)
        rc = lead_step(g, phase, finding, err);
    return rc < 0 ? rc : 0;
}

int cr_member_await(struct cr_group *g, struct cr_member *m, quiesce_wire_Phase phase,
                    struct cr_error *err)
{
    int rc = 0;

    if (g->options->progress != NULL)
        g->options->progress(cr_frame_phase_name(phase), g->options->argument);
    while (rc == 0 && m->stage == CR_MEMBER_TALKING &&
           cr_group_place_of(m->reached) < cr_group_place_of(phase)) {
        rc = answer_forwards(g, err);
        if (rc == 0)
            rc = cr_group_pump(g, -1, err);
    }
    if (rc == 0 && m->stage == CR_MEMBER_LEFT)
        return cr_fail(err, CR_EOMITTED, "%s", m->err.text);
    return rc;
}

/* ---- the end ---- */

static size_t count_owed(const struct cr_group *g)
{
    size_t owed = 0;

    for (size_t i = 0; i < g->count; i++)
        owed += g->members[i]->fd >= 0 && g->members[i]->owed > 0;
    return owed;
}

/* The one whose callback it was has killed itself. */
static void kill_all(const struct cr_group *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->members[i]->stage == CR_MEMBER_TALKING)
            kill(g->members[i]->facts.pid, SIGKILL);
}

void cr_group_cancel(struct cr_group *g, const struct cr_error *why)
{
    struct cr_error ignored = {0};

    if (g->doomed)
        kill_all(g);

    for (size_t i = 0; i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->fd < 0)
            continue;
        if (m->stopped)
            cr_stopped_stand(m, &ignored);
        cr_frame_cancel(&g->frame, g->round, "the requester gave up");
        g->frame.body.cancel.error = why->code;
        m->owed++;
        cr_member_send(g, m, &ignored);
    }
    g->cancel_fd = -1;
    g->deadline = cr_group_now() + CANCEL_NS;
    while (count_owed(g) > 0 && cr_group_now() < g->deadline)
        cr_group_pump(g, -1, &ignored);
}

void cr_group_end(struct cr_group *g, int signal)
{
    struct cr_error ignored = {0};

    for (size_t i = 0; i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->fd < 0)
            continue;
        cr_frame_end(&g->frame, g->round, signal);
        cr_member_send(g, m, &ignored);
    }
}

static int is_dead(const struct cr_member *m)
{
    struct cr_facts facts;

    return cr_member_look(m, &facts) < 0 || cr_facts_are_of_dead(&facts);
}

static int has_hung_up(const struct cr_member *m)
{
    struct pollfd end = {m->fd, POLLRDHUP, 0};

    return poll(&end, 1, 0) > 0;
}

void cr_group_await_end(const struct cr_group *g)
{
    const struct timespec pause = {0, 1000000};
    int killed = g->options->signal == SIGKILL;
    int64_t deadline = cr_group_now() + (killed ? DEATH_NS : END_NS);

    for (size_t i = 0; i < g->count && !g->options->dry_run; i++) {
        struct cr_member *m = g->members[i];

        if (m->fd < 0 || !(killed || m->stopped))
            continue;
        while (!has_hung_up(m) && cr_group_now() < deadline)
            nanosleep(&pause, NULL);
        /* The dead threads of a process that is held stay until they are let go. */
        cr_stopped_end(m);
        /* The connection may be the first of its files that is closed: only when it is dead all of them are. */
        while (killed && !is_dead(m) && cr_group_now() < deadline)
            nanosleep(&pause, NULL);
    }
}
