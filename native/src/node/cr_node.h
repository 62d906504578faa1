/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What the files of crnode share. crnode brings the ranks of one job on one node together: they register on a
 * Unix socket, coordinators come over TCP, and a round goes through it as if the node were one process.
 *     cr_node.c         sockets, life and end
 *     cr_node_rank.c    the table of ranks, and the file from which a new crnode learns it
 *     cr_node_local.c   registration
 *     cr_node_peer.c    coordinators: proof of the key, commands
 *     cr_node_round.c   one round: from Begin to End or Cancel
 *     cr_node_end.c     how it ends
 *     cr_node_agent.c   the connections to the agents during a round
 *     cr_node_report.c  hello, status
 *     cr_node_ask.c     checkpoints that the application asks for
 *     cr_node_move.c    images that are written to a disk of this node first
 * One thread; nothing here blocks. Everything hangs on struct cr_node.
 */
#ifndef CR_NODE_H
#define CR_NODE_H

#include "cr_arena.h"
#include "cr_auth.h"
#include "cr_error.h"
#include "cr_job_dir.h"
#include "cr_loop.h"
#include "cr_node_link.h"
#include "cr_session.h"
#include "wire.pb.h"

#include <stddef.h>
#include <stdint.h>

#define CR_NODE_RANKS_MAX 4096
#define CR_NODE_PEERS_MAX 16 /* TCP connections, those that have proved nothing yet included */
#define CR_NODE_UNPROVED_MAX 8
#define CR_NODE_LOCALS_MAX 1024 /* registrations at once */
#define CR_NODE_PROOF_MS 5000
#define CR_NODE_REGISTER_MS 5000
#define CR_NODE_LOST_MS                                                                            \
    200 /* a closed connection of a rank: how long its death may take to be seen */
#define CR_NODE_CANCEL_MS 10000 /* until the connections of a cancelled round are closed */
#define CR_NODE_ROUND_MS                                                                           \
    600000 /* without any progress; the coordinator's own deadlines are shorter */
#define CR_NODE_LINGER_MS 1000 /* after the last rank */
#define CR_NODE_EMPTY_MS 60000 /* before the first */
#define CR_NODE_LOOK_MS 1000   /* meanwhile: how often to look whether the launcher runs */

struct cr_node;

/* How far a rank is in the round. */
enum cr_rank_state {
    CR_RANK_IDLE,
    CR_RANK_WOKEN,   /* its agent has been signalled and has not connected yet */
    CR_RANK_GREETED, /* connected, has not said who it is */
    CR_RANK_BUSY,    /* was told to enter a phase */
    CR_RANK_DONE,    /* has answered */
    CR_RANK_WAITING, /* may not dump before another one is done */
    CR_RANK_GONE     /* left the round: died, or closed its connection */
};

/* What a rank said last of its calls, for those who ask: the first of many, and of many ranges none. */
enum { CR_CALLS_MOST = 4, CR_RANGES_MOST = 16 };
struct cr_node_ranges {
    quiesce_wire_Range at[CR_RANGES_MOST];
    uint32_t count;
};
struct cr_node_calls {
    int known; /* it has said something */
    quiesce_wire_Call at[CR_CALLS_MOST];
    uint32_t count;
    struct cr_node_ranges members[CR_CALLS_MOST], waits;
};

struct cr_node_rank {
    struct cr_node *node;
    struct cr_watch process; /* pidfd: readable when the process has ended */
    uint32_t rank;
    uint32_t pid;
    uint64_t start; /* field 22 of /proc/PID/stat */
    uint32_t generation;
    uint32_t world_size;
    int finalizing;

    struct cr_node_link link; /* to its agent, during a round */
    enum cr_rank_state state;
    quiesce_wire_Phase phase;
    int64_t since;   /* in this phase */
    int64_t lost_at; /* its connection has ended: when that counts as a loss, or 0 */
    quiesce_wire_RankResult result;
    struct cr_node_calls calls;
};

enum cr_peer_state { CR_PEER_UNPROVED, CR_PEER_PROVED };

struct cr_node_peer {
    struct cr_node *node;
    enum cr_peer_state state;
    struct cr_watch watch;    /* until the key is proved */
    struct cr_node_link link; /* from then on */
    char address[80];
    int64_t deadline;
    uint8_t greeting[CR_AUTH_GREETING];
    uint8_t answer[CR_AUTH_ANSWER];
    size_t answer_used;
};

enum cr_round_state {
    CR_ROUND_NONE,
    CR_ROUND_RUNNING,
    CR_ROUND_FAILED, /* the coordinator knows; it will cancel */
    CR_ROUND_CANCELLING
};

struct cr_group_id {
    uint64_t high, low;
};

struct cr_node_round {
    enum cr_round_state state;
    uint64_t id;
    struct cr_node_peer *owner; /* NULL: has gone */
    quiesce_wire_Phase phase;   /* in which the ranks are */
    int phase_reported;         /* PhaseDone has been sent */
    int sealed;                 /* PhaseDone of SEAL has been sent without error */
    int64_t deadline;           /* backstop */
    uint32_t writing;           /* ranks that dump now */
    quiesce_wire_Begin begin;
    int session_open;
    struct cr_session session;
    struct cr_watch arrivals[2]; /* the session's sockets */
    struct cr_group_id *groups;  /* whose members the coordinator knows */
    size_t group_count, group_capacity;
};

/* A process that has looked for us before its program was entered: it may call MPI_Init an hour later. */
struct cr_node_expected {
    struct cr_node *node;
    struct cr_watch process;
    uint32_t pid;
    struct cr_node_expected *next;
};

struct cr_node_local {
    struct cr_node *node;
    struct cr_node_link link;
    uint32_t pid;
    int64_t deadline;
};

/* The checkpoint that a rank has asked for last. */
struct cr_node_ask {
    quiesce_wire_CheckpointAnswer answer; /* ticket 0: none yet */
    uint32_t rank;
    uint16_t count;
    struct cr_watch process; /* pidfd of the command */
    int pipe;                /* what it says */
    char output[8192];
};

/* Images on their way from a disk of this node; process.fd < 0: none. */
struct cr_node_move {
    struct cr_watch process; /* pidfd of cr_move */
    int pipe;                /* what it says */
    char from[sizeof(((quiesce_wire_Move *)0)->from)];
};

struct cr_node {
    struct cr_loop loop;
    struct cr_job_dir dir;
    uint8_t key[CR_JOB_KEY_SIZE];
    quiesce_wire_NodeRecord record;
    struct cr_watch local_listener;
    struct cr_watch tcp_listener;
    struct cr_watch signals;
    struct cr_node_rank **ranks;
    size_t rank_count;
    struct cr_node_peer *peers[CR_NODE_PEERS_MAX];
    struct cr_node_local *locals[CR_NODE_LOCALS_MAX];
    struct cr_node_expected *expected;
    struct cr_node_round round;
    struct cr_node_ask ask;
    struct cr_node_move move;
    struct cr_arena arena; /* lists of the frame being handled; empty between events */
    quiesce_wire_Frame in;
    quiesce_wire_Frame out;
    int64_t idle_since; /* neither ranks nor processes that may become some since then, or 0 */
    int had_ranks;
    uint32_t *ended; /* ranks that have ended, each once */
    size_t ended_count;
    int leaving; /* SIGTERM */
    int lock;    /* node.lock */
};

/* ---- cr_node.c ---- */

/* Listens, writes the record, takes over the ranks of a crnode that died. node->dir and the facts in node->record are set. */
int cr_node_open(struct cr_node *node, struct cr_error *err);

/* Serves until the job's ranks have gone or SIGTERM comes. Returns 0 or a negative code. */
int cr_node_serve(struct cr_node *node);

/* Removes what this node's part of the job has left, unless ranks still run. */
void cr_node_close(struct cr_node *node);

/* Takes the next frame of LINK into node->in, forgetting the one before. Returns as cr_frame_next(). */
int cr_node_take(struct cr_node *node, struct cr_node_link *link, struct cr_error *err);

/* One line with the time on standard error. Refused connections are counted and no longer logged after the first thousand. */
void cr_node_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cr_node_log_refusal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- cr_node_rank.c ---- */

/* Adds or renews the rank of a process that is known to live. Returns 0 or a negative code with text. */
int cr_node_rank_add(struct cr_node *node, const quiesce_wire_RankHello *hello, uint32_t pid,
                     struct cr_error *err);
struct cr_node_rank *cr_node_rank_by_pid(struct cr_node *node, uint32_t pid);
struct cr_node_rank *cr_node_rank_by_number(struct cr_node *node, uint32_t rank);

/* Reads the file `ranks` of the run directory; processes that have ended are left out. */
void cr_node_rank_load(struct cr_node *node);

/* Forgets RANK, whose process has ended; its round link is closed. */
void cr_node_rank_remove(struct cr_node *node, struct cr_node_rank *rank);

/* ---- cr_node_local.c ---- */

void cr_node_local_accept(struct cr_watch *watch, uint32_t events);
void cr_node_local_tick(struct cr_node *node, int64_t now, int64_t *earliest);

/* ---- cr_node_peer.c ---- */

void cr_node_peer_accept(struct cr_watch *watch, uint32_t events);
void cr_node_peer_tick(struct cr_node *node, int64_t now, int64_t *earliest);

/* Sends FRAME to PEER (which may be NULL or not have proved the key: nothing happens). Closes the peer when that fails. */
void cr_node_peer_send(struct cr_node *node, struct cr_node_peer *peer,
                       const quiesce_wire_Frame *frame);
void cr_node_peer_send_all(struct cr_node *node, const quiesce_wire_Frame *frame);
void cr_node_peer_drain_all(struct cr_node *node, int timeout_ms);

/* ---- cr_node_round.c ---- */

/* A rank that has registered since Begin is not in the round. */
static inline int cr_rank_takes_part(const struct cr_node_rank *rank)
{
    return rank->state != CR_RANK_IDLE;
}

static inline int cr_round_is_active(const struct cr_node *node)
{
    return node->round.state != CR_ROUND_NONE;
}

/* How many ranks take part. */
static inline uint32_t cr_round_size(const struct cr_node *node)
{
    uint32_t count = 0;

    for (size_t i = 0; i < node->rank_count; i++)
        count += cr_rank_takes_part(node->ranks[i]) != 0;
    return count;
}

/* Commands of PEER. */
void cr_round_begin(struct cr_node *node, struct cr_node_peer *peer,
                    const quiesce_wire_Frame *frame);
void cr_round_enter(struct cr_node *node, quiesce_wire_Phase phase);

/* What agents said or did. */
void cr_round_rank_answered(struct cr_node *node, struct cr_node_rank *rank,
                            quiesce_wire_Phase phase);
void cr_round_rank_failed(struct cr_node *node, struct cr_node_rank *rank,
                          const struct cr_error *why);
void cr_round_rank_lost(struct cr_node *node, struct cr_node_rank *rank, const char *reason);
void cr_round_progress(struct cr_node *node);

void cr_round_tick(struct cr_node *node, int64_t now, int64_t *earliest);

/* ---- cr_node_end.c ---- */

/* Cancel of the coordinator, or for a reason of our own. Returns at once; the round is over when the agents have answered. */
void cr_round_cancel(struct cr_node *node, const char *reason);

/* All agents have answered the cancellation, or have had their time: tells the coordinator, removes what is left. */
void cr_round_finish_cancel(struct cr_node *node);

/* End of the coordinator: sends SIGNAL (0: none) to every rank. */
void cr_round_end(struct cr_node *node, int signal);

/* The coordinator PEER has gone. */
void cr_round_peer_gone(struct cr_node *node, struct cr_node_peer *peer);

/* No round any more, whatever happened in it. */
void cr_round_forget(struct cr_node *node);

/* Removes what RANK, which is dead, may have left in the directory of this round. */
void cr_round_remove_image(struct cr_node *node, const struct cr_node_rank *rank);

/* ---- cr_node_agent.c ---- */

/* Opens the session and wakes the agents of all ranks; they come to the session. Returns 0, or the first failure with the rank in RET_RANK. */
int cr_agent_wake_all(struct cr_node *node, struct cr_node_rank **ret_rank, struct cr_error *err);

/* Sends FRAME to the agent of RANK. Failure counts as a failure of the rank in its round. */
void cr_agent_send(struct cr_node *node, struct cr_node_rank *rank,
                   const quiesce_wire_Frame *frame);

/* No agent can come any more: those that were woken and are late go back to sleep. */
void cr_agent_close_session(struct cr_node *node);

/* Closes the session and all connections to agents; states become CR_RANK_IDLE. */
void cr_agent_close_all(struct cr_node *node);

/* ---- cr_node_ask.c ---- */

/* Leaves the answer to node->in, a CheckpointRequest of RANK, in node->out. */
void cr_node_ask_answer(struct cr_node *node, const struct cr_node_rank *rank);

/* ---- cr_node_move.c ---- */

/* Makes the directory of a round that writes to this node, and removes what no checkpoint needs beside it. Returns 0 or a negative code. */
int cr_node_move_prepare(const struct cr_node *node, const quiesce_wire_Begin *begin,
                         struct cr_error *err);

/* node->in is a Move: starts it, in place of one that is under way for another checkpoint. All coordinators hear of its end. */
void cr_node_move_order(struct cr_node *node);
int cr_node_move_runs(const struct cr_node *node);

/* crnode ends before its time. */
void cr_node_move_leave(struct cr_node *node);

/* ---- cr_node_report.c ---- */

/* Fills node->out; lists lie in the arena. */
void cr_report_hello(struct cr_node *node);
void cr_report_status(struct cr_node *node);

/* Passes on node->in, a CollectiveReport of RANK, without the groups that the coordinator knows. */
void cr_report_collectives(struct cr_node *node, struct cr_node_rank *rank);
/* What RANK waited for is over. */
void cr_report_forget(struct cr_node_rank *rank);

#endif
