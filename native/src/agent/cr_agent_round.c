/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. One checkpoint as the agent sees it: phases on command, and from each of them a
 * way back.
 */
#include "cr_agent_handles.h"
#include "cr_agent_parts.h"

#include "cr_agent_state.h"
#include "cr_context.h"
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_freeze.h"
#include "cr_state_sandbox.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define LOOKS 20

enum { ROUND_GOES_ON, ROUND_OVER, ROUND_RESTORED };

struct round {
    struct cr_link *link;
    quiesce_wire_Begin begin;
    char path[sizeof(((quiesce_wire_Begin *)0)->directory) + 32];
    uint64_t offset; /* of the image in the file of its group */
    int begun;
    int stopped;
    int written; /* copied and not sealed */
    int64_t phase_begun;
    quiesce_wire_RankResult result;
    struct cr_error err;
};

static struct round current_round;

static void set_status(uint32_t status)
{
    cr_agent.status = status;
    cr_sys_futex_wake(&cr_agent.status, INT32_MAX);
}

static const struct cr_rank_ops *ops(void)
{
    return cr_agent.ops;
}

/* Callbacks that run afterwards may use MPI again, while all other threads still stand. */
static void let_mpi_go(struct round *r)
{
    cr_agent.in_collectives = 0;
    if (ops() != NULL && r->begun)
        ops()->go();
    r->begun = 0;
}

static void go_on(struct round *r)
{
    if (r->stopped) {
        cr_dump_release(&cr_agent.dump);
        cr_freeze_release();
    }
    r->stopped = 0;
    cr_section_open();
}

/* Threads go on, whatever was going on. OUTCOME: as of cr_callbacks_after(). */
static void resume(struct round *r, int outcome)
{
    let_mpi_go(r);
    cr_callbacks_after(outcome);
    go_on(r);
}

static void abort_round(struct round *r, int code)
{
    cr_dump_abort(&cr_agent.dump);
    r->written = 0;
    resume(r, code > 0 ? -code : -CR_ETEMPFAIL);
}

static void choose_path(struct round *r)
{
    if (r->begin.directory[0] != '\0')
        cr_fmt(r->path, sizeof(r->path), "%s/rank-%d.cr", r->begin.directory,
               ops() != NULL ? ops()->rank : 0);
    else
        cr_str_copy(r->path, sizeof(r->path), r->begin.file);
}

static int is_cancelled(void *link)
{
    return cr_link_cancelled(link);
}

/* What is known about the image from the beginning of the round. */
static struct cr_image_options image_options(const struct round *r)
{
    return (struct cr_image_options){.durable = r->begin.durable,
                                     .is_cancelled = is_cancelled,
                                     .argument = r->link,
                                     .part = r->begin.group};
}

static int phase_begin(struct round *r)
{
    const struct cr_image_options options = image_options(r);

    if (cr_agent.disabled != NULL)
        return cr_fail(&r->err, CR_EDISABLED, "this process cannot be checkpointed: %s",
                       cr_agent.disabled);
    if (cr_agent_begin_policy(&r->begin, &r->err) < 0)
        return -CR_EUSAGE;
    if (cr_sandbox_check(&r->err) < 0)
        return -CR_EREFUSED;
    if (ops() != NULL && ops()->may_begin != NULL && ops()->may_begin(&r->err) < 0)
        return -CR_EREFUSED;
    if (cr_agent_group_begin(&r->begin, &r->err) < 0)
        return -CR_EREFUSED;
    choose_path(r);
    cr_dump_prepare(&cr_agent.dump, r->begin.group ? "" : r->path, &options);
    r->begun = 1;
    set_status(1);
    return cr_agent_rank_begin(r->link, &r->begin, &r->result, &r->err);
}

static int collect_once(struct round *r)
{
    struct cr_thread *threads;
    int rc;

    cr_freeze_threads(&threads);
    cr_thread_save(&threads[0]);
    cr_agent_children_collect();
    rc = cr_agent_begin_dump(r->link, &r->begin, &r->err);
    cr_agent.dump.rank = cr_agent_rank_facts(r->begin.sequence);
    return rc == 0 ? cr_dump_collect(&cr_agent.dump, &r->err) : rc;
}

/* A thread may get a signal from another one, another process or a timer after it has looked for its own. */
static int collect(struct round *r)
{
    int rc = collect_once(r);

    for (int looks = 0; rc == -EAGAIN && looks < LOOKS; looks++) {
        r->err = (struct cr_error){0};
        rc = cr_freeze_look_again(&r->err);
        if (rc == 0)
            rc = collect_once(r);
    }
    return rc;
}

static int stop_and_collect(struct round *r)
{
    int rc = cr_freeze_stop(CR_STOP_TIMEOUT_NS, &r->err);

    rc = rc == 0 ? cr_callbacks_check(&r->result, &r->err) : rc;
    if (rc < 0)
        return rc;
    rc = cr_fault("dump:after-threads");
    if (rc < 0)
        return cr_fail(&r->err, -rc, "stopped by a fault point");
    rc = ops() != NULL ? ops()->check(&r->err) : 0;
    if (rc == 0 && r->begin.alone)
        rc = cr_agent_group_check_alone(&r->err);
    /* In a group, state is collected when all members stand still. */
    return rc < 0 || r->begin.group ? rc : collect(r);
}

/* The part of it that comes while the application runs. After STOP it has been done. */
static int phase_callbacks(struct round *r)
{
    int rc;

    if (!r->begun)
        return cr_fail(&r->err, CR_EPROTOCOL, "CALLBACKS came before the round had begun");
    if (cr_callbacks_are_under_way())
        return 0;
    rc = cr_section_close(r->link, ops() != NULL ? CR_STOP_TIMEOUT_NS : 0, &r->err);
    if (rc < 0)
        return rc;
    set_status(2);
    return cr_callbacks_before(r->link, &r->begin, &r->result, &r->err);
}

/* How much would be saved, and left out. */
static int measure(struct round *r)
{
    uint64_t bytes = 0;
    int rc = cr_dump_measure(&cr_agent.dump, &bytes, &r->err);

    cr_agent_report_image(&r->result);
    r->result.bytes = bytes;
    return rc;
}

static int phase_stop(struct round *r)
{
    int rc;

    cr_agent.in_collectives = 0;
    if (!r->begun)
        return cr_fail(&r->err, CR_EPROTOCOL, "STOP came before the round had begun");
    if (ops() != NULL)
        ops()->stop();
    rc = phase_callbacks(r);
    if (rc < 0)
        return rc;
    r->stopped = 1;
    /* Only to make the pause shorter: what it could not read is read in the pause. */
    cr_forks_hold();
    cr_memory_prepare(NULL);
    cr_forks_let();
    r->phase_begun = cr_sys_clock_ns(CLOCK_MONOTONIC);
    rc = stop_and_collect(r);
    r->link->idle = rc == 0 && ops() != NULL ? ops()->progress : NULL;
    return rc == 0 && r->begin.dry_run && !r->begin.group ? measure(r) : rc;
}

static int phase_layout(struct round *r)
{
    const struct cr_image_options options = image_options(r);
    uint64_t size = 0;
    int rc;

    if (!r->stopped || !r->begin.group)
        return cr_fail(&r->err, CR_EPROTOCOL, "LAYOUT came before STOP");
    rc = collect(r);
    if (rc == 0 && !r->begin.dry_run)
        rc = cr_dump_layout(&cr_agent.dump, r->path, &options, &size, &r->err);
    else if (rc == 0)
        rc = cr_dump_measure(&cr_agent.dump, &size, &r->err);
    cr_agent_report_image(&r->result);
    r->result.bytes = size;
    return rc;
}

static int phase_drain(struct round *r)
{
    uint64_t messages = 0;
    int rc = ops() != NULL ? ops()->drain(&messages, &r->err) : 0;

    r->result.messages = messages;
    if (rc == 0 && r->stopped)
        cr_agent_waits(&r->result);
    return rc == 0 && r->stopped && r->begin.group
               ? cr_agent_group_gather(r->link, &r->begin, &r->err)
               : rc;
}

/* In the restored process, all threads but this one standing in their handlers. */
static int come_back(struct round *r)
{
    r->written = 0;
    cr_agent_return(r->link);
    let_mpi_go(r);
    cr_callbacks_after(1);
    cr_agent_returned(cr_callbacks_check(&r->result, &r->err), &r->err);
    go_on(r);
    return ROUND_RESTORED;
}

static int phase_dump(struct round *r)
{
    const struct cr_image_options options = image_options(r);
    struct cr_thread *threads;
    uint64_t bytes = 0;
    int rc;

    if (!r->stopped)
        return cr_fail(&r->err, CR_EPROTOCOL, "DUMP came before STOP");
    cr_freeze_threads(&threads);
    cr_thread_save(&threads[0]);
    if (cr_context_save(&threads[0].context) != 0)
        return come_back(r);
    /* Draining may have changed what was collected for the check. */
    rc = ops() != NULL ? collect(r) : 0;
    if (rc == 0 && r->begin.group)
        rc = cr_agent_group_place(r->link, r->offset, &r->err);
    if (rc == 0)
        rc = cr_dump_copy(&cr_agent.dump, r->path, &options, &bytes, &r->err);
    r->written = rc == 0;
    r->result.bytes = bytes;
    cr_agent_report_image(&r->result);
    return rc;
}

static void fill_file_name(struct round *r)
{
    const char *name = r->path;

    for (const char *p = r->path; *p != '\0'; p++)
        if (*p == '/')
            name = p + 1;
    cr_str_copy(r->result.file, sizeof(r->result.file), name);
}

static int phase_seal(struct round *r)
{
    struct cr_image_record record = {0};
    int rc;

    if (!r->written)
        return cr_fail(&r->err, CR_EPROTOCOL, "SEAL came before DUMP");
    r->written = 0;
    rc = cr_dump_seal(&cr_agent.dump, &record, &r->err);
    r->result.bytes = record.bytes;
    r->result.digest_low = record.digest_low;
    r->result.digest_high = record.digest_high;
    fill_file_name(r);
    return rc;
}

static int run_phase(struct round *r, quiesce_wire_Phase phase)
{
    switch (phase) {
    case quiesce_wire_Phase_PHASE_STOP:
        return phase_stop(r);
    case quiesce_wire_Phase_PHASE_DRAIN:
        return phase_drain(r);
    case quiesce_wire_Phase_PHASE_CALLBACKS:
        return phase_callbacks(r);
    case quiesce_wire_Phase_PHASE_LAYOUT:
        return phase_layout(r);
    case quiesce_wire_Phase_PHASE_DUMP:
        return phase_dump(r);
    case quiesce_wire_Phase_PHASE_RESUME:
        resume(r, 0);
        return cr_callbacks_check(&r->result, &r->err);
    case quiesce_wire_Phase_PHASE_SEAL:
        return phase_seal(r);
    default:
        return cr_fail(&r->err, CR_EPROTOCOL, "phase %d is none of an agent's", (int)phase);
    }
}

/* A callback wants that no process of the request goes on: the requester kills the others. */
static void die_of_callback(struct round *r, quiesce_wire_Phase phase)
{
    cr_dump_abort(&cr_agent.dump);
    cr_link_done(r->link, phase, &r->result, &r->err);
    cr_link_close(r->link);
    cr_sys(SYS_kill, cr_sys_getpid(), SIGKILL);
}

/* Enters PHASE and says how it went. A failure resumes the process before it is told. */
static int enter(struct round *r, quiesce_wire_Phase phase)
{
    int rc;

    r->phase_begun = cr_sys_clock_ns(CLOCK_MONOTONIC);
    memset(&r->result, 0, sizeof(r->result));
    r->err.code = 0;
    r->err.text[0] = '\0';
    rc = run_phase(r, phase);
    if (rc == ROUND_RESTORED)
        return ROUND_RESTORED;
    if (rc < 0) {
        if (r->err.code == 0)
            cr_fail(&r->err, -rc, "phase %s failed", cr_frame_phase_name(phase));
        if (r->result.verdict == quiesce_wire_Verdict_VERDICT_PERMANENT)
            die_of_callback(r, phase);
        abort_round(r, r->err.code);
    }
    r->result.micros = (uint64_t)(cr_sys_clock_ns(CLOCK_MONOTONIC) - r->phase_begun) / 1000;
    return cr_link_done(r->link, phase, &r->result, &r->err) < 0 ? ROUND_OVER : ROUND_GOES_ON;
}

static int begin(struct round *r, const quiesce_wire_Frame *frame)
{
    r->begin = frame->body.begin;
    r->link->round = frame->body.begin.round != 0 ? frame->body.begin.round : frame->round;
    memset(&r->result, 0, sizeof(r->result));
    r->err.code = 0;
    if (phase_begin(r) < 0)
        abort_round(r, r->err.code);
    else if (ops() != NULL)
        return ROUND_GOES_ON;
    return cr_link_done(r->link, quiesce_wire_Phase_PHASE_COLLECTIVES, &r->result, &r->err) < 0
               ? ROUND_OVER
               : ROUND_GOES_ON;
}

static int cancel(struct round *r, int code)
{
    abort_round(r, code);
    memset(&r->result, 0, sizeof(r->result));
    r->err.code = 0;
    return cr_link_done(r->link, quiesce_wire_Phase_PHASE_RESUME, &r->result, &r->err) < 0
               ? ROUND_OVER
               : ROUND_GOES_ON;
}

static int obey(struct round *r, const quiesce_wire_Frame *frame)
{
    switch (frame->which_body) {
    case quiesce_wire_Frame_begin_tag:
        return begin(r, frame);
    case quiesce_wire_Frame_enter_tag:
        r->offset = frame->body.enter.offset;
        return enter(r, frame->body.enter.phase);
    case quiesce_wire_Frame_elsewhere_tag:
        cr_agent_group_elsewhere(&frame->body.elsewhere);
        return ROUND_GOES_ON;
    case quiesce_wire_Frame_targets_tag:
        cr_agent_rank_targets(&frame->body.targets);
        return ROUND_GOES_ON;
    case quiesce_wire_Frame_release_tag:
        cr_agent_rank_release(&frame->body.release);
        return ROUND_GOES_ON;
    case quiesce_wire_Frame_cancel_tag:
        return cancel(r, frame->body.cancel.error);
    case quiesce_wire_Frame_end_tag:
        if (frame->body.end.signal != 0)
            cr_sys(SYS_kill, cr_sys_getpid(), frame->body.end.signal);
        return ROUND_OVER;
    case quiesce_wire_Frame_detach_tag:
        return ROUND_OVER;
    default:
        return ROUND_GOES_ON;
    }
}

static void begin_round(struct round *r, struct cr_link *link)
{
    r->link = link;
    r->begun = 0;
    r->stopped = 0;
    r->written = 0;
    r->err.code = 0;
}

int cr_round_serve(struct cr_link *link)
{
    static quiesce_wire_Frame frame;
    int rc = ROUND_GOES_ON;

    begin_round(&current_round, link);
    while (rc == ROUND_GOES_ON) {
        int got = cr_link_receive(link, &frame);
        if (got > 0)
            rc = obey(&current_round, &frame);
        else if (got < 0)
            rc = ROUND_OVER;
        else if (cr_agent.in_collectives != 0)
            rc = cr_agent_rank_report(link) < 0 ? ROUND_OVER : ROUND_GOES_ON;
    }
    if (rc == ROUND_OVER)
        abort_round(&current_round, 0);
    set_status(0);
    return rc == ROUND_RESTORED;
}

void cr_round_serve_self(struct cr_link *link, struct cr_agent_request *request)
{
    static const quiesce_wire_Phase phases[] = {
        quiesce_wire_Phase_PHASE_STOP, quiesce_wire_Phase_PHASE_DUMP,
        quiesce_wire_Phase_PHASE_RESUME, quiesce_wire_Phase_PHASE_SEAL};
    struct round *r = &current_round;
    int rc;

    link->fd = -1;
    link->signals = -1;
    link->requester = cr_freeze_known_tid(cr_sys_getpid());
    link->passed = -1;
    begin_round(r, link);
    memset(&r->begin, 0, sizeof(r->begin));
    cr_str_copy(r->begin.file, sizeof(r->begin.file), request->file);
    r->begin.durable = request->durable != 0;
    rc = ops() != NULL ? cr_fail(&r->err, CR_EREFUSED,
                                 "a rank of an MPI job is checkpointed with its job: use quiesce "
                                 "checkpoint")
                       : phase_begin(r);
    for (size_t i = 0; rc >= 0 && rc != ROUND_RESTORED && i < sizeof(phases) / sizeof(*phases);
         i++) {
        rc = enter(r, phases[i]);
        if (r->err.code != 0)
            rc = -r->err.code;
    }
    if (rc < 0)
        cr_agent_report(request, &r->err);
    request->result = rc < 0 ? rc : 0;
    request->restarted = rc == ROUND_RESTORED;
    request->generation = cr_agent_state.generation;
    request->error = r->err;
    set_status(0);
    __atomic_store_n(&request->state, 1, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&request->state, 1);
}
