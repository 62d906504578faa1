/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The order of things in a checkpoint of one process or of several. */
#include "cr_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARENA_SIZE (1UL << 20)
#define TRIES 5 /* to stop all without a signal between threads in the wrong moment */

static uint64_t micros_since(int64_t begun)
{
    return (uint64_t)(cr_group_now() - begun) / 1000;
}

/* ---- one process ---- */

/* From the stop until the process goes on, if it shall: asked for at once, so that it does not stand still while words
 * are exchanged. After a phase that fails the agent has resumed, and refuses or passes over the others. */
static int pause_alone(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    static const quiesce_wire_Phase phases[] = {quiesce_wire_Phase_PHASE_STOP,
                                                quiesce_wire_Phase_PHASE_DUMP,
                                                quiesce_wire_Phase_PHASE_RESUME};
    static const quiesce_wire_Phase dry[] = {quiesce_wire_Phase_PHASE_STOP,
                                             quiesce_wire_Phase_PHASE_RESUME};
    size_t first = m->asked == quiesce_wire_Phase_PHASE_STOP; /* it may stand already */
    int64_t stopped_at = cr_group_now();
    int rc;

    g->goal = quiesce_wire_Phase_PHASE_RESUME;
    rc = g->options->dry_run ? cr_member_ask(g, m, dry + first, 2 - first, err)
                             : cr_member_ask(g, m, phases + first,
                                             (cr_group_stays_stopped(g) ? 2 : 3) - first, err);

    if (rc == 0)
        rc = cr_member_await(g, m, quiesce_wire_Phase_PHASE_STOP, err);
    if (rc == 0 && !g->options->dry_run)
        rc = cr_member_await(g, m, quiesce_wire_Phase_PHASE_DUMP, err);
    if (rc == 0 && !cr_group_stays_stopped(g))
        rc = cr_member_await(g, m, quiesce_wire_Phase_PHASE_RESUME, err);
    g->result->pause_micros = micros_since(stopped_at);
    g->result->stop_micros = m->stop_micros;
    g->result->dump_micros = m->dump_micros;
    g->result->data_bytes = m->data_bytes;
    return rc;
}

static int run_several(struct cr_group *g, struct cr_error *err);

/* Its callbacks have asked for company. */
static int widen(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    int rc;

    g->alone = 0;
    rc = cr_member_begin_again(g, m, err);
    return rc < 0 ? rc : run_several(g, err);
}

/* They may while it stops: then this is a step of its own. */
static int stop_alone(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    static const quiesce_wire_Phase stop = quiesce_wire_Phase_PHASE_STOP;
    int rc;

    g->goal = stop;
    rc = cr_member_ask(g, m, &stop, 1, err);
    return rc < 0 ? rc : cr_member_await(g, m, stop, err);
}

static int run_alone(struct cr_group *g, struct cr_error *err)
{
    static const quiesce_wire_Phase seal = quiesce_wire_Phase_PHASE_SEAL;
    struct cr_member *m = g->members[0];
    int rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_CALLBACKS, err);

    if (rc == 0 && m->stage != CR_MEMBER_TALKING)
        return cr_fail(err, m->stage == CR_MEMBER_LEFT ? CR_EOMITTED : ESRCH,
                       m->stage == CR_MEMBER_LEFT ? "process %d takes no part in checkpoints"
                                                  : "process %d: no such process",
                       m->facts.pid);
    if (rc == 0 && m->stopped)
        return cr_fail(err, CR_EFAMILY, "process %d has been stopped", m->facts.pid);
    if (rc == 0 && m->result.may_forward)
        rc = stop_alone(g, m, err);
    if (rc == 0 && g->target_count > 1)
        return widen(g, m, err);
    if (rc == 0)
        rc = pause_alone(g, m, err);
    if (rc < 0 || g->options->dry_run)
        return rc;
    if (!m->unsealed)
        rc = cr_member_ask(g, m, &seal, 1, err);
    if (rc == 0)
        rc = cr_member_await(g, m, seal, err);
    if (rc == 0 && m->unsealed)
        rc = cr_group_file_finish_alone(g, m, err);
    if (rc < 0)
        return rc;
    g->result->processes = 1;
    g->result->seal_micros = m->result.micros;
    g->result->file_bytes = m->size;
    g->result->digest_low = m->result.digest_low;
    g->result->digest_high = m->result.digest_high;
    return 0;
}

/* ---- several ---- */

static size_t count_stage(const struct cr_group *g, enum cr_member_stage stage)
{
    size_t count = 0;

    for (size_t i = 0; i < g->count; i++)
        count += g->members[i]->stage == stage;
    return count;
}

static int nobody_is_left(const struct cr_group *g, struct cr_error *err)
{
    if (count_stage(g, CR_MEMBER_TALKING) > 0)
        return 0;
    if (count_stage(g, CR_MEMBER_LEFT) > 0)
        return cr_fail(err, ESRCH, "every process has left the checkpoint by itself");
    return cr_fail(err, ESRCH, "all processes of the checkpoint have ended");
}

/* All stand still, and how large their images will be is known. */
static int stop_all(struct cr_group *g, struct cr_error *err)
{
    int rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_CALLBACKS, err);

    if (rc == 0)
        rc = nobody_is_left(g, err);
    if (rc == 0)
        rc = cr_group_file_create(g, err);
    g->stopped_at = cr_group_now();
    if (rc == 0)
        rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_STOP, err);
    if (rc == 0)
        rc = nobody_is_left(g, err);
    if (rc == 0)
        rc = cr_group_settle(g, err);
    g->shared.used = 0;
    g->shared.records = 0;
    /* Members take in what is in flight between them, so that it is seen. */
    if (rc == 0)
        rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_DRAIN, err);
    if (rc == 0)
        rc = cr_group_find_open_files(g, err);
    if (rc == 0)
        rc = cr_group_find_memory(g, err);
    if (rc == 0)
        rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_LAYOUT, err);
    g->result->stop_micros = micros_since(g->stopped_at);
    return rc;
}

/* Everybody goes on, and a round with the same members begins. */
static int begin_anew(struct cr_group *g, const struct cr_error *why, struct cr_error *err)
{
    int64_t deadline = g->deadline;
    int cancel_fd = g->cancel_fd;
    int rc = 0;

    cr_group_cancel(g, why);
    g->deadline = deadline;
    g->cancel_fd = cancel_fd;
    g->round++;
    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        struct cr_member *m = g->members[i];

        m->err = (struct cr_error){0};
        m->asked = quiesce_wire_Phase_PHASE_IDLE;
        m->reached = quiesce_wire_Phase_PHASE_IDLE;
        if (m->stopped && m->stage == CR_MEMBER_TALKING)
            rc = cr_stopped_begin(m, m->agent, err);
    }
    return rc;
}

static int write_all(struct cr_group *g, struct cr_error *err)
{
    int64_t begun = cr_group_now();
    int rc = cr_group_file_lay_out(g, err);

    if (rc == 0)
        rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_DUMP, err);
    g->result->dump_micros = micros_since(begun);
    for (size_t i = 0; i < g->count; i++)
        g->result->data_bytes += g->members[i]->data_bytes;
    return rc;
}

/* Who is not in the file though it was asked for. */
static void log_left_out(const struct cr_group *g)
{
    char line[128];

    for (size_t i = 0; g->options->log != NULL && i < g->count; i++) {
        if (g->members[i]->stage != CR_MEMBER_LEFT)
            continue;
        snprintf(line, sizeof(line), "process %d (%s) is left out", g->members[i]->facts.pid,
                 g->members[i]->facts.comm);
        g->options->log(line, g->options->argument);
    }
}

static int seal_all(struct cr_group *g, struct cr_error *err)
{
    int64_t begun = cr_group_now();
    int rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_SEAL, err);

    if (rc == 0)
        rc = cr_group_file_seal(g, err);
    if (rc == 0)
        rc = cr_group_file_commit(g, err);
    g->result->seal_micros = micros_since(begun);
    g->result->file_bytes = g->file_size;
    return rc;
}

/*
 * A signal came between two threads, or a process that was about to end has ended after it stood
 * still: nothing has been written yet.
 */
static int may_try_again(const struct cr_group *g, int rc)
{
    return !g->options->dry_run && (rc == -EAGAIN || rc == -CR_ERANKLOST);
}

static int run_several(struct cr_group *g, struct cr_error *err)
{
    int rc = stop_all(g, err);

    for (int tries = 1; may_try_again(g, rc) && tries < TRIES; tries++) {
        struct cr_error why = *err;
        *err = (struct cr_error){0};
        rc = begin_anew(g, &why, err);
        if (rc == 0)
            rc = stop_all(g, err);
    }
    if (rc == 0 && !g->options->dry_run)
        rc = write_all(g, err);
    if (rc == 0 && !cr_group_stays_stopped(g))
        rc = cr_group_lead(g, quiesce_wire_Phase_PHASE_RESUME, err);
    g->result->pause_micros = micros_since(g->stopped_at);
    if (rc < 0 || g->options->dry_run)
        return rc;
    g->result->processes =
        (uint32_t)(count_stage(g, CR_MEMBER_TALKING) + count_stage(g, CR_MEMBER_ZOMBIE));
    g->result->zombies = (uint32_t)count_stage(g, CR_MEMBER_ZOMBIE);
    for (size_t i = 0; i < g->count; i++)
        g->result->stopped += cr_member_counts(g->members[i]) && g->members[i]->stopped;
    log_left_out(g);
    g->result->left_out = (uint32_t)count_stage(g, CR_MEMBER_LEFT);
    return seal_all(g, err);
}

/* ---- both ---- */

static int nobody_there(const struct cr_group *g, struct cr_error *err)
{
    static const char *const words[] = {
        "process %d: no such process", "process group %d: no process in it",
        "session %d: no process in it", "process %d: no such process"};

    return cr_fail(err, ESRCH, words[g->options->scope], g->options->target);
}

static int run(struct cr_group *g, struct cr_error *err)
{
    struct cr_error why;
    int rc = cr_members_scan(g, 0, err);

    if (rc < 0)
        return rc;
    if (count_stage(g, CR_MEMBER_NEW) == 0)
        return nobody_there(g, err);
    rc = cr_members_check_traces(g, err);
    if (rc < 0)
        return rc;
    if (count_stage(g, CR_MEMBER_NEW) == 0)
        return nobody_is_left(g, err);
    /* An image by itself does not say that its process is stopped. */
    g->alone = g->count == 1 && g->members[0]->facts.state != 'T';
    rc = g->alone ? run_alone(g, err) : run_several(g, err);
    if (rc != -CR_EFAMILY)
        return rc;
    /* It has had a child meanwhile. */
    why = *err;
    *err = (struct cr_error){0};
    rc = begin_anew(g, &why, err);
    g->alone = 0;
    return rc < 0 ? rc : run_several(g, err);
}

/* In a dry run all have been told of what was refused; the first is the answer. */
static int first_refusal(const struct cr_group *g, struct cr_error *err)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct cr_error *e = &g->members[i]->err;
        if (e->code != 0 && e->code != CR_EOMITTED)
            return cr_fail(err, e->code, "%s", e->text);
    }
    return 0;
}

static void count_left_out(struct cr_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const quiesce_wire_LeftOut *l = &g->members[i]->left_out;

        g->result->left_dontdump += l->dontdump;
        g->result->left_freed += l->freed;
        g->result->left_program += l->program;
        g->result->left_request += l->request;
        if (g->options->dry_run)
            g->result->data_bytes += g->members[i]->data_bytes;
    }
}

static int commit(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    if (g->options->tcp == quiesce_wire_TcpPolicy_TCP_RESTORE && g->options->signal == SIGKILL)
        rc = cr_group_keep_connections(g, err);
    if (rc == 0 && g->options->commit != NULL)
        rc = g->options->commit(g->options->commit_argument, err);
    return rc;
}

static int finish(struct cr_group *g, int rc, struct cr_error *err)
{
    count_left_out(g);
    if (rc == 0 && g->options->dry_run)
        rc = first_refusal(g, err);
    else if (rc == 0)
        rc = commit(g, err);
    if (rc == 0) {
        cr_group_end(g, g->options->dry_run ? 0 : g->options->signal);
        cr_group_await_end(g);
        return 0;
    }
    cr_group_drop_connections(g);
    cr_group_cancel(g, err);
    cr_group_file_drop(g);
    return rc;
}

int cr_group_checkpoint(const struct cr_group_options *options, struct cr_group_result *ret_result,
                        struct cr_error *err)
{
    static struct cr_group group;
    struct cr_group *g = &group;
    int rc;

    memset(ret_result, 0, sizeof(*ret_result));
    memset(g, 0, sizeof(*g));
    g->options = options;
    g->result = ret_result;
    g->file = -1;
    g->round = 1;
    g->cancel_fd = options->cancel_fd;
    g->deadline = options->timeout_ms > 0 ? cr_group_now() + options->timeout_ms * 1000000LL : 0;
    g->targets[0] = (struct cr_group_target){options->scope, options->target};
    g->target_count = 1;
    rc = cr_arena_create(&g->arena, ARENA_SIZE);
    if (rc < 0)
        return cr_fail(err, -rc, "no memory");
    rc = cr_session_open(&g->session, err);
    if (rc == 0) {
        rc = run(g, err);
        rc = finish(g, rc, err);
        cr_session_close(&g->session);
    }
    cr_members_free(g);
    cr_arena_destroy(&g->arena);
    return rc;
}
