/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The agents of this node during a round: woken by a signal, they connect to the round's own socket. */
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- what agents say ---- */

static void take_phase_done(struct cr_node *node, struct cr_node_rank *rank)
{
    const quiesce_wire_PhaseDone *done = &node->in.body.phase_done;
    struct cr_error err = {0};

    if (done->result.count > 0)
        rank->result = *cr_wire_at(&done->result, quiesce_wire_RankResult, 0);
    else
        cr_frame_result(&rank->result, rank->rank, rank->pid, NULL);
    rank->result.rank = rank->rank;
    rank->result.pid = rank->pid;
    if (rank->result.error == 0) {
        cr_round_rank_answered(node, rank, done->phase);
        return;
    }
    cr_fail(&err, rank->result.error, "%s", rank->result.text);
    cr_round_rank_failed(node, rank, &err);
}

static void take_hello(struct cr_node *node, struct cr_node_rank *rank)
{
    struct cr_error err = {0};
    int32_t said = node->in.body.rank_hello.rank;

    if (rank->state != CR_RANK_GREETED || (said >= 0 && (uint32_t)said != rank->rank)) {
        cr_fail(&err, CR_EPROTOCOL, "rank %u: its agent calls itself rank %d", rank->rank, said);
        cr_round_rank_failed(node, rank, &err);
        return;
    }
    rank->state = CR_RANK_BUSY;
    node->out =
        (quiesce_wire_Frame){.round = node->round.id, .which_body = quiesce_wire_Frame_begin_tag};
    node->out.body.begin = node->round.begin;
    cr_agent_send(node, rank, &node->out);
    cr_round_progress(node);
}

static void take_frame(struct cr_node *node, struct cr_node_rank *rank)
{
    switch (node->in.which_body) {
    case quiesce_wire_Frame_rank_hello_tag:
        take_hello(node, rank);
        break;
    case quiesce_wire_Frame_phase_done_tag:
        take_phase_done(node, rank);
        break;
    case quiesce_wire_Frame_collective_report_tag:
        cr_report_collectives(node, rank);
        break;
    case quiesce_wire_Frame_checkpoint_request_tag:
        node->in.body.checkpoint_request.rank = rank->rank;
        cr_node_peer_send_all(node, &node->in);
        break;
    default:
        cr_node_log("rank %u: its agent said something unexpected (%d)", rank->rank,
                    (int)node->in.which_body);
        break;
    }
}

/* ---- connections ---- */

/* The connection has ended. Its process has probably died, and the loop is about to be told so; that is the better message. */
static void lose_link(struct cr_node_rank *rank)
{
    cr_node_link_close(&rank->link);
    if (rank->state != CR_RANK_IDLE)
        rank->lost_at = cr_loop_now_ms() + CR_NODE_LOST_MS;
}

static void link_ready(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_rank *rank = cr_watch_of(watch, struct cr_node_rank, link.watch);
    struct cr_node *node = rank->node;
    struct cr_error err = {0};
    int rc = cr_node_link_service(&rank->link, events);

    while (rc == 1) {
        rc = cr_node_take(node, &rank->link, &err);
        if (rc == 1) {
            take_frame(node, rank);
            rc = cr_node_link_is_open(&rank->link) ? 1 : 0; /* the round may have ended */
        } else if (rc < 0) {
            cr_node_log("rank %u: %s", rank->rank, err.text);
        }
    }
    if (rc < 0)
        lose_link(rank);
}

static void agent_came(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_round *round = cr_watch_of(watch, struct cr_node_round, arrivals[0]);
    struct cr_node *node = cr_watch_of(round, struct cr_node, round);
    struct cr_node_rank *rank;
    pid_t pid;
    int fd;

    (void)events;
    while (cr_session_accept(&round->session, 0, &pid, &fd, NULL) == 0) {
        rank = cr_node_rank_by_pid(node, (uint32_t)pid);
        if (rank == NULL || rank->state != CR_RANK_WOKEN) {
            cr_node_log_refusal("refused: process %d, which was not woken, came to a round",
                                (int)pid);
            close(fd);
            continue;
        }
        rank->state = CR_RANK_GREETED;
        if (cr_node_link_open(&rank->link, &node->loop, fd, link_ready) < 0)
            lose_link(rank);
    }
}

/* The second socket of the session is for agents in a pid namespace below ours. */
static void foreign_agent_came(struct cr_watch *watch, uint32_t events)
{
    agent_came(watch - 1, events);
}

int cr_agent_wake_all(struct cr_node *node, struct cr_node_rank **ret_rank, struct cr_error *err)
{
    struct cr_node_round *round = &node->round;
    int rc = cr_session_open(&round->session, err);

    *ret_rank = NULL;
    if (rc < 0)
        return rc;
    round->session_open = 1;
    round->arrivals[0].fd = round->arrivals[1].fd = -1;
    for (size_t i = 0; i < node->rank_count; i++) {
        struct cr_node_rank *rank = node->ranks[i];

        rc = cr_session_wake(&round->session, (pid_t)rank->pid, NULL, err);
        if (rc < 0) {
            *ret_rank = rank;
            return rc;
        }
        rank->state = CR_RANK_WOKEN;
    }
    rc = cr_loop_add(&node->loop, &round->arrivals[0], dup(round->session.listener), EPOLLIN,
                     agent_came);
    if (rc == 0 && round->session.foreign_listener >= 0)
        rc = cr_loop_add(&node->loop, &round->arrivals[1], dup(round->session.foreign_listener),
                         EPOLLIN, foreign_agent_came);
    return rc < 0 ? cr_fail(err, -rc, "cannot watch the round's socket") : 0;
}

void cr_agent_send(struct cr_node *node, struct cr_node_rank *rank, const quiesce_wire_Frame *frame)
{
    struct cr_error err = {0};

    if (!cr_node_link_is_open(&rank->link) || cr_node_link_send(&rank->link, frame, &err) == 0)
        return;
    cr_node_log("rank %u: %s", rank->rank, err.text);
    (void)node;
    lose_link(rank);
}

void cr_agent_close_session(struct cr_node *node)
{
    if (!node->round.session_open)
        return;
    cr_loop_close(&node->loop, &node->round.arrivals[0]);
    cr_loop_close(&node->loop, &node->round.arrivals[1]);
    cr_session_close(&node->round.session);
    node->round.session_open = 0;
}

void cr_agent_close_all(struct cr_node *node)
{
    for (size_t i = 0; i < node->rank_count; i++) {
        struct cr_node_rank *rank = node->ranks[i];

        cr_node_link_close(&rank->link);
        rank->state = CR_RANK_IDLE;
        rank->phase = quiesce_wire_Phase_PHASE_IDLE;
        rank->lost_at = 0;
        cr_report_forget(rank);
    }
    cr_agent_close_session(node);
}
