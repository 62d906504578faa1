/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. One round. The coordinator decides; this file passes its commands on, says when all ranks of the node have
 * answered, or at once that one has failed, and sees to it that nobody stays stopped when the coordinator is no longer there.
 */
#include "cr_fault.h"
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <unistd.h>

static void renew_deadline(struct cr_node *node)
{
    node->round.deadline = cr_loop_now_ms() + CR_NODE_ROUND_MS;
}

/* ---- telling the coordinator ---- */

static void tell_failure(struct cr_node *node, struct cr_node_peer *peer, uint64_t id,
                         const quiesce_wire_RankResult *result)
{
    quiesce_wire_Phase phase = node->round.owner == peer && node->round.id == id
                                   ? node->round.phase
                                   : quiesce_wire_Phase_PHASE_COLLECTIVES;
    quiesce_wire_RankResult copy = *result;

    cr_node_log("round %llu fails in %s: rank %u: %s", (unsigned long long)id,
                cr_frame_phase_name(phase), copy.rank, copy.text);
    cr_frame_phase_done(&node->out, id, phase, 1, &copy, 1);
    cr_node_peer_send(node, peer, &node->out);
}

/* All ranks in DUMP and SEAL, because the manifest names each; otherwise those that say more than "done", and the slowest. */
static size_t select_results(struct cr_node *node, quiesce_wire_RankResult *list)
{
    int all = node->round.phase == quiesce_wire_Phase_PHASE_DUMP ||
              node->round.phase == quiesce_wire_Phase_PHASE_SEAL;
    const struct cr_node_rank *slowest = NULL;
    size_t count = 0;

    for (size_t i = 0; i < node->rank_count; i++) {
        const struct cr_node_rank *r = node->ranks[i];

        if (cr_rank_takes_part(r) && (slowest == NULL || r->result.micros > slowest->result.micros))
            slowest = r;
    }
    for (size_t i = 0; i < node->rank_count; i++) {
        const struct cr_node_rank *r = node->ranks[i];

        if (cr_rank_takes_part(r) &&
            (all || r == slowest || r->result.messages > 0 || r->result.waits_in[0] != '\0'))
            list[count++] = r->result;
    }
    return count;
}

static void tell_done(struct cr_node *node)
{
    struct cr_node_round *round = &node->round;
    quiesce_wire_RankResult *list = cr_arena_alloc(&node->arena, node->rank_count * sizeof(*list));
    size_t count = list != NULL ? select_results(node, list) : 0;

    round->phase_reported = 1;
    round->sealed = round->phase == quiesce_wire_Phase_PHASE_SEAL;
    cr_frame_phase_done(&node->out, round->id, round->phase, cr_round_size(node), list, count);
    cr_node_peer_send(node, round->owner, &node->out);
}

/* ---- the beginning ---- */

static void refuse(struct cr_node *node, struct cr_node_peer *peer, uint64_t id,
                   const struct cr_error *why)
{
    quiesce_wire_RankResult result;

    cr_frame_result(&result, node->rank_count > 0 ? node->ranks[0]->rank : 0, 0, why);
    tell_failure(node, peer, id, &result);
}

/* The coordinator has made the directory on its host: what is not seen here lies on a disk of that host. */
static int check_directory(const struct cr_node *node, const char *directory, struct cr_error *err)
{
    if (directory[0] != '/' || access(directory, F_OK) == 0 || errno != ENOENT)
        return 0;
    return cr_fail(err, CR_EWRITE,
                   "%s is not seen on host %s; the directory for checkpoints must be on a file "
                   "system that all hosts of the job share (--dir)",
                   directory, node->record.host);
}

/* Whether a round can begin now: 0, or why not. */
static int check_begin(struct cr_node *node, const quiesce_wire_Begin *begin, struct cr_error *err)
{
    if (cr_round_is_active(node))
        return cr_fail(err, CR_EBUSY, "another checkpoint of this job is in progress");
    if (node->rank_count == 0)
        return cr_fail(err, CR_ENOTREADY, "no rank of this node has reached the end of MPI_Init");
    if (begin->directory[0] != '/' && (begin->file[0] != '/' || node->rank_count > 1))
        return cr_fail(err, CR_EPROTOCOL,
                       "the coordinator has named no absolute directory for the images");
    return begin->node_local ? cr_node_move_prepare(node, begin, err)
                             : check_directory(node, begin->directory, err);
}

static void start(struct cr_node *node, struct cr_node_peer *peer, const quiesce_wire_Frame *frame)
{
    struct cr_node_round *round = &node->round;

    round->state = CR_ROUND_RUNNING;
    round->id = frame->round;
    round->owner = peer;
    round->phase = quiesce_wire_Phase_PHASE_COLLECTIVES;
    round->phase_reported = round->sealed = 0;
    round->writing = 0;
    round->begin = frame->body.begin;
    renew_deadline(node);
    for (size_t i = 0; i < node->rank_count; i++) {
        node->ranks[i]->phase = round->phase;
        node->ranks[i]->since = cr_loop_now_ms();
    }
}

void cr_round_begin(struct cr_node *node, struct cr_node_peer *peer,
                    const quiesce_wire_Frame *frame)
{
    quiesce_wire_RankResult result;
    struct cr_error err = {0};
    struct cr_node_rank *rank;

    if (check_begin(node, &frame->body.begin, &err) < 0) {
        refuse(node, peer, frame->round, &err);
        return;
    }
    start(node, peer, frame);
    cr_node_log("round %llu begins for %s, images in %s", (unsigned long long)frame->round,
                peer->address, node->round.begin.directory);
    if (cr_agent_wake_all(node, &rank, &err) < 0) {
        cr_frame_result(&result, rank != NULL ? rank->rank : 0, rank != NULL ? rank->pid : 0, &err);
        tell_failure(node, peer, frame->round, &result);
        cr_round_forget(node);
        return;
    }
    cr_fault("node:after-begin");
}

/* ---- phases ---- */

static void ask(struct cr_node *node, struct cr_node_rank *rank)
{
    rank->state = CR_RANK_BUSY;
    cr_frame_enter(&node->out, node->round.id, node->round.phase);
    cr_agent_send(node, rank, &node->out);
}

/* Lets as many of the waiting ranks write as may do so at once. */
static void ask_writers(struct cr_node *node)
{
    struct cr_node_round *round = &node->round;
    uint32_t limit = round->begin.writers > 0 ? round->begin.writers : UINT32_MAX;

    for (size_t i = 0; i < node->rank_count && round->writing < limit; i++) {
        if (node->ranks[i]->state != CR_RANK_WAITING)
            continue;
        round->writing++;
        ask(node, node->ranks[i]);
    }
}

/* Whether every rank has done the phase before; in COLLECTIVES it is enough that all have begun: the coordinator judges. */
static int may_enter(const struct cr_node *node, quiesce_wire_Phase phase)
{
    const struct cr_node_round *round = &node->round;

    if (phase <= round->phase || phase > quiesce_wire_Phase_PHASE_SEAL)
        return 0;
    if (round->phase != quiesce_wire_Phase_PHASE_COLLECTIVES)
        return round->phase_reported;
    for (size_t i = 0; i < node->rank_count; i++) {
        enum cr_rank_state state = node->ranks[i]->state;

        if (state == CR_RANK_WOKEN || state == CR_RANK_GREETED || state == CR_RANK_GONE)
            return 0;
    }
    return 1;
}

static int fault_before(quiesce_wire_Phase phase)
{
    if (phase == quiesce_wire_Phase_PHASE_DUMP)
        return cr_fault("node:before-forward-dump");
    if (phase == quiesce_wire_Phase_PHASE_SEAL)
        return cr_fault("node:before-seal");
    return 0;
}

static void fail_node(struct cr_node *node, int code, const char *text)
{
    struct cr_node_peer *owner = node->round.owner;
    struct cr_error err;

    cr_fail(&err, code, "%s", text);
    node->round.state = CR_ROUND_FAILED;
    refuse(node, owner, node->round.id, &err);
}

/* 1 if a test makes this node fail here. */
static int fault_after(struct cr_node *node)
{
    if (node->round.phase != quiesce_wire_Phase_PHASE_DUMP || cr_fault("node:after-dump") == 0)
        return 0;
    fail_node(node, EIO, "crnode failed on purpose");
    return 1;
}

void cr_round_enter(struct cr_node *node, quiesce_wire_Phase phase)
{
    struct cr_node_round *round = &node->round;

    if (round->state != CR_ROUND_RUNNING)
        return;
    if (!may_enter(node, phase)) {
        fail_node(node, CR_EPROTOCOL, "the coordinator asks for a phase that cannot follow");
        return;
    }
    if (fault_before(phase) < 0) {
        fail_node(node, EIO, "crnode failed on purpose");
        return;
    }
    round->phase = phase;
    round->phase_reported = 0;
    renew_deadline(node);
    for (size_t i = 0; i < node->rank_count; i++) {
        struct cr_node_rank *rank = node->ranks[i];

        if (!cr_rank_takes_part(rank))
            continue;
        rank->phase = phase;
        rank->since = cr_loop_now_ms();
        cr_report_forget(rank);
        rank->state = CR_RANK_WAITING;
        if (phase != quiesce_wire_Phase_PHASE_DUMP)
            ask(node, rank);
    }
    ask_writers(node);
}

void cr_round_progress(struct cr_node *node)
{
    struct cr_node_round *round = &node->round;
    int cancelling = round->state == CR_ROUND_CANCELLING;

    for (size_t i = 0; i < node->rank_count; i++) {
        enum cr_rank_state state = node->ranks[i]->state;

        if (state != CR_RANK_DONE && state != CR_RANK_IDLE &&
            !(cancelling && state == CR_RANK_GONE))
            return;
    }
    if (cancelling)
        cr_round_finish_cancel(node);
    else if (round->state == CR_ROUND_RUNNING && !round->phase_reported && !fault_after(node))
        tell_done(node);
}

void cr_round_rank_answered(struct cr_node *node, struct cr_node_rank *rank,
                            quiesce_wire_Phase phase)
{
    struct cr_node_round *round = &node->round;
    struct cr_error err;

    renew_deadline(node);
    if (rank->state != CR_RANK_BUSY || phase != rank->phase) {
        if (round->state != CR_ROUND_RUNNING)
            return; /* its answer crossed our Cancel */
        cr_fail(&err, CR_EPROTOCOL, "rank %u: its agent answers %s in phase %s", rank->rank,
                cr_frame_phase_name(phase), cr_frame_phase_name(rank->phase));
        cr_round_rank_failed(node, rank, &err);
        return;
    }
    if (rank->result.micros == 0)
        rank->result.micros = (uint64_t)(cr_loop_now_ms() - rank->since) * 1000;
    rank->state = CR_RANK_DONE;
    if (phase == quiesce_wire_Phase_PHASE_DUMP && round->state == CR_ROUND_RUNNING) {
        round->writing--;
        ask_writers(node);
    }
    cr_round_progress(node);
}

/* ---- failures ---- */

void cr_round_rank_failed(struct cr_node *node, struct cr_node_rank *rank,
                          const struct cr_error *why)
{
    struct cr_node_round *round = &node->round;

    if (round->state == CR_ROUND_CANCELLING) {
        rank->state = CR_RANK_DONE;
        cr_round_progress(node);
        return;
    }
    if (!cr_round_is_active(node) || round->sealed)
        return;
    round->state = CR_ROUND_FAILED;
    cr_frame_result(&rank->result, rank->rank, rank->pid, why);
    rank->state = cr_node_link_is_open(&rank->link) ? CR_RANK_DONE : CR_RANK_GONE;
    tell_failure(node, round->owner, round->id, &rank->result);
}

void cr_round_rank_lost(struct cr_node *node, struct cr_node_rank *rank, const char *reason)
{
    struct cr_error err;

    cr_frame_rank_lost(&node->out, cr_round_is_active(node) ? node->round.id : 0, rank->rank,
                       rank->pid, reason);
    cr_node_peer_send_all(node, &node->out);
    if (!cr_round_is_active(node) || node->round.sealed || rank->state == CR_RANK_IDLE)
        return;
    cr_round_remove_image(node, rank);
    cr_node_link_close(&rank->link);
    cr_fail(&err, CR_ERANKLOST, "rank %u, pid %u: %s", rank->rank, rank->pid, reason);
    cr_round_rank_failed(node, rank, &err);
}

/* ---- time ---- */

/* A connection that ended while its process lives on: the agent gave up. */
static void check_lost_link(struct cr_node *node, struct cr_node_rank *rank)
{
    struct cr_error err;

    rank->lost_at = 0;
    cr_fail(&err, CR_EPROTOCOL, "rank %u, pid %u: its agent has closed the connection", rank->rank,
            rank->pid);
    cr_round_rank_failed(node, rank, &err);
}

static void time_is_over(struct cr_node *node)
{
    if (node->round.state == CR_ROUND_CANCELLING) {
        cr_node_log("not all agents have answered the cancellation; closing their connections");
        cr_round_finish_cancel(node);
        return;
    }
    if (node->round.state == CR_ROUND_RUNNING)
        fail_node(node, CR_ETIMEOUT, "nothing has happened for ten minutes");
    cr_round_cancel(node, "nothing has happened for ten minutes");
}

void cr_round_tick(struct cr_node *node, int64_t now, int64_t *earliest)
{
    if (!cr_round_is_active(node))
        return;
    if (node->round.sealed && cr_node_move_runs(node))
        renew_deadline(node);
    for (size_t i = 0; i < node->rank_count; i++) {
        struct cr_node_rank *rank = node->ranks[i];

        if (rank->lost_at > 0 && now >= rank->lost_at)
            check_lost_link(node, rank);
        if (rank->lost_at > 0 && rank->lost_at < *earliest)
            *earliest = rank->lost_at;
    }
    if (cr_round_is_active(node) && now >= node->round.deadline)
        time_is_over(node);
    if (cr_round_is_active(node) && node->round.deadline < *earliest)
        *earliest = node->round.deadline;
}
