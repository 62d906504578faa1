/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Callbacks of the application as the agent leads them: those in thread context before the stop, those in
 * signal context inside the stop handlers (cr_park.c), and all of them again afterwards.
 */
#include "cr_agent_parts.h"

#include "cr_fmt.h"
#include "cr_freeze.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define LOOK_INTERVAL_NS 5000000

static struct cr_callbacks callbacks;
static struct cr_link
    *link_now; /* of the round in progress; callbacks may ask for more processes over it */
static int are_under_way;
static int are_early; /* what comes before COLLECTIVES has been begun */

CR_AGENT_EXPORT struct cr_callbacks *cr_agent_callbacks(void)
{
    return &callbacks;
}

void cr_callbacks_forked(void)
{
    callbacks.stage = CR_STAGE_IDLE;
    callbacks.place = CR_PLACE_UNDER_WAY;
    callbacks.failure = CR_FAILURE_NONE;
    callbacks.forward = CR_FORWARD_IDLE;
    are_under_way = 0;
    are_early = 0;
}

static void fill_info(const quiesce_wire_Begin *begin, int requester)
{
    callbacks.requester = begin->requester != 0 ? begin->requester : requester;
    callbacks.signal = begin->signal;
    callbacks.scope = begin->scope;
    callbacks.target = begin->target != 0 ? begin->target : cr_freeze_known_tid(cr_sys_getpid());
    cr_str_copy(callbacks.destination, sizeof(callbacks.destination),
                begin->destination[0] != '\0' ? begin->destination : begin->file);
}

void cr_callbacks_restarted_by(int restarter, const char *source)
{
    callbacks.restart_requester = restarter;
    cr_str_copy(callbacks.restart_source, sizeof(callbacks.restart_source), source);
}

int cr_callbacks_check(quiesce_wire_RankResult *result, struct cr_error *err)
{
    static const quiesce_wire_Verdict verdicts[] = {
        quiesce_wire_Verdict_VERDICT_NONE, quiesce_wire_Verdict_VERDICT_OMIT,
        quiesce_wire_Verdict_VERDICT_TEMPORARY, quiesce_wire_Verdict_VERDICT_PERMANENT};
    static const char *const words[] = {"", "it leaves itself out", "try again later",
                                        "unable to checkpoint"};
    uint32_t failure = __atomic_load_n(&callbacks.failure, __ATOMIC_ACQUIRE);

    if (failure == CR_FAILURE_NONE)
        return 0;
    result->verdict = verdicts[failure];
    return cr_fail(err, callbacks.failure_code, "a callback of process %d: %s",
                   cr_freeze_known_tid(cr_sys_getpid()), words[failure]);
}

static int ask_requester(quiesce_wire_Frame *frame, struct cr_error *err)
{
    int rc;

    memset(frame, 0, sizeof(*frame));
    frame->round = link_now->round;
    frame->which_body = quiesce_wire_Frame_forward_tag;
    frame->body.forward.scope = callbacks.forward_scope;
    frame->body.forward.target = callbacks.forward_target;
    rc = cr_link_send(link_now, frame);
    while (rc >= 0 &&
           !cr_frame_waits(&link_now->reader, &link_now->arena, quiesce_wire_Frame_forwarded_tag)) {
        if (cr_link_cancelled(link_now))
            return cr_fail(err, CR_ECANCELLED, "the requester gave up");
        rc = cr_link_await(link_now);
    }
    return rc < 0 ? rc : cr_link_receive(link_now, frame);
}

/* A callback asks that more processes join: the requester knows whether they can. */
static int serve_forward(struct cr_error *err)
{
    static quiesce_wire_Frame frame;
    uint32_t filled = CR_FORWARD_FILLED;
    int rc;

    if (!__atomic_compare_exchange_n(&callbacks.forward, &filled, CR_FORWARD_ASKED, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return 0;
    callbacks.forward_error = EOPNOTSUPP;
    rc = 0;
    /* A requester that has sent its next command already waits for nothing else. */
    if (link_now->fd >= 0 && !cr_frame_waits(&link_now->reader, &link_now->arena, 0)) {
        rc = ask_requester(&frame, err);
        callbacks.forward_error = rc < 0 ? ECANCELED : frame.body.forwarded.error;
    }
    __atomic_store_n(&callbacks.forward, CR_FORWARD_ANSWERED, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&callbacks.forward, INT32_MAX);
    return rc < 0 ? rc : 0;
}

static int serve(struct cr_error *err)
{
    int rc = serve_forward(err);

    if (rc == 0 && cr_link_cancelled(link_now))
        return cr_fail(err, CR_ECANCELLED, "the requester gave up");
    return rc;
}

/* For cr_freeze.c, while it waits for threads that run callbacks. */
int cr_callbacks_serve(struct cr_error *err)
{
    return are_under_way ? serve(err) : 0;
}

static void set_stage(uint32_t stage)
{
    __atomic_store_n(&callbacks.stage, stage, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&callbacks.stage, INT32_MAX);
}

static void await_place_other_than(uint32_t place)
{
    while (__atomic_load_n(&callbacks.place, __ATOMIC_ACQUIRE) == place)
        cr_sys_futex_wait(&callbacks.place, place, NULL);
}

static int await_innermost(struct cr_error *err)
{
    const struct timespec interval = {0, LOOK_INTERVAL_NS};
    int rc = 0;

    while (rc == 0 && __atomic_load_n(&callbacks.place, __ATOMIC_ACQUIRE) == CR_PLACE_UNDER_WAY) {
        cr_sys_futex_wait(&callbacks.place, CR_PLACE_UNDER_WAY, &interval);
        rc = serve(err);
    }
    return rc;
}

/* Has the library's thread do what STAGE says, up to where it waits for us. */
static int run_stage(uint32_t stage, struct cr_error *err)
{
    /* It may not have seen the end of the round before yet. */
    await_place_other_than(CR_PLACE_DONE);
    callbacks.place = CR_PLACE_UNDER_WAY;
    set_stage(stage);
    return await_innermost(err);
}

int cr_callbacks_early(struct cr_link *link, const quiesce_wire_Begin *begin,
                       quiesce_wire_RankResult *result, struct cr_error *err)
{
    int rc;

    if (callbacks.is_early == 0)
        return 0;
    link_now = link;
    fill_info(begin, link->requester);
    callbacks.failure = CR_FAILURE_NONE;
    are_early = 1;
    rc = run_stage(CR_STAGE_EARLY, err);
    return rc < 0 ? rc : cr_callbacks_check(result, err);
}

int cr_callbacks_before(struct cr_link *link, const quiesce_wire_Begin *begin,
                        quiesce_wire_RankResult *result, struct cr_error *err)
{
    int rc;

    if (cr_agent_omits) {
        result->verdict = quiesce_wire_Verdict_VERDICT_OMIT;
        return cr_fail(err, CR_EOMITTED,
                       "process %d was started with cr_run --omit: it takes part in no checkpoint",
                       cr_freeze_known_tid(cr_sys_getpid()));
    }
    link_now = link;
    fill_info(begin, link->requester);
    callbacks.failure = CR_FAILURE_NONE;
    are_under_way = 1;
    result->may_forward = callbacks.in_signal_context != 0;
    if (callbacks.in_thread_context == 0)
        return 0;
    rc = run_stage(CR_STAGE_BEFORE, err);
    return rc < 0 ? rc : cr_callbacks_check(result, err);
}

int cr_callbacks_are_under_way(void)
{
    return are_under_way;
}

/* Numbers that only we know are none that a callback could expect. */
static int known_outcome(int outcome)
{
    return outcome <= -1000 && outcome > -CR_ETEMPFAIL ? -CR_ETEMPFAIL : outcome;
}

void cr_callbacks_after(int outcome)
{
    int were_under_way = are_under_way;

    if (!are_under_way && !are_early)
        return;
    are_under_way = 0;
    are_early = 0;
    callbacks.outcome = known_outcome(outcome);
    if (were_under_way)
        cr_freeze_go(callbacks.outcome);
    if (callbacks.stage == CR_STAGE_IDLE)
        return;
    set_stage(CR_STAGE_AFTER);
    for (;;) {
        uint32_t place = __atomic_load_n(&callbacks.place, __ATOMIC_ACQUIRE);
        if (place == CR_PLACE_DONE)
            break;
        cr_sys_futex_wait(&callbacks.place, place, NULL);
    }
    set_stage(CR_STAGE_IDLE);
}
