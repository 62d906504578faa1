/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the files of the agent share; private to this folder. */
#ifndef CR_AGENT_PARTS_H
#define CR_AGENT_PARTS_H

#include "cr_agent.h"
#include "cr_callbacks.h"
#include "cr_dump.h"
#include "cr_frame.h"

#include <signal.h>

/* Values of the wake-up signal that are not names of sockets. */
enum { CR_WAKE_REPORT = -1, CR_WAKE_SELF = -2 };

struct cr_agent {
    volatile int32_t tid; /* kernel's; 0: not running */
    volatile uint32_t status;
    volatile uint32_t report_pending; /* the agent has been woken for a report */
    volatile uint32_t report_later;   /* it has not, but there is something to report */
    volatile uint32_t in_collectives;
    struct cr_agent_request *volatile request;
    const char *volatile disabled;
    const struct cr_rank_ops *volatile ops;
    struct cr_dump dump;
    struct cr_rank_facts facts;
};
extern struct cr_agent cr_agent;

/* The signal mask of the agent's thread: no handler of the application may run in it. */
void cr_agent_block_signals(void);

/* The connection to a requester. fd < 0: the process itself is the requester. */
struct cr_link {
    int fd;
    int requester;             /* its pid */
    volatile uint32_t opening; /* descriptors are being made that are not named here yet */
    int signals;               /* signalfd of the wake-up signal, so that one poll sees both */
    uint64_t round;
    int passed;  /* a descriptor that came with a frame, -1: none */
    size_t held; /* bytes of answers that are not sent yet */
    struct cr_frame_reader reader;
    struct cr_arena arena;
    uint64_t reported[256][2]; /* groups whose members have been sent */
    size_t reported_count;
    uint32_t quiet_steps; /* since the last report */
    int (*idle)(void);    /* NULL, or called again and again while waiting, until it returns 0 */
};

/*
 * Connects to the requester with pid REQUESTER and socket VALUE and greets it. 0 or a negative
 * code.
 */
int cr_link_open(struct cr_link *link, int requester, uint32_t value, const char *purpose);
void cr_link_close(struct cr_link *link);
/* Says why REQUEST has failed, if it wants that. */
void cr_agent_report(const struct cr_agent_request *request, const struct cr_error *err);
/* In a child of fork(): the connection is the parent's. */
void cr_link_forked(struct cr_link *link);

/*
 * Waits for a frame. Returns 1; 0 when the agent was woken by its own process, or a report is due
 * again; negative when the connection is over.
 */
int cr_link_receive(struct cr_link *link, quiesce_wire_Frame *ret_frame);

int cr_link_send(struct cr_link *link, const quiesce_wire_Frame *frame);

/* Waits a little for something of the requester to arrive. */
int cr_link_await(struct cr_link *link);

/* Whether the requester has hung up or sent a Cancel; does not wait. */
int cr_link_cancelled(struct cr_link *link);

/*
 * PHASE is done, with the values of RESULT; ERR with code != 0: it has failed. While
 * a further command is already there the answer is held back, and goes with the next one.
 */
int cr_link_done(struct cr_link *link, quiesce_wire_Phase phase, quiesce_wire_RankResult *result,
                 const struct cr_error *err);

/* Sends RankHello{PURPOSE} on FD. */
int cr_link_hello(struct cr_link *link, const char *purpose);

/* Refuses a second requester while a round is in progress. */
void cr_link_refuse(const struct cr_link *current, const siginfo_t *info);

/* The descriptor that came with a frame, with a high number; the caller's from now on. -1: none. */
int cr_link_take_passed(struct cr_link *link);

/* One round from begin to end. Returns 1 if the process was restored meanwhile. */
int cr_round_serve(struct cr_link *link);

/* A round that the process itself asked for; LINK is not connected. */
void cr_round_serve_self(struct cr_link *link, struct cr_agent_request *request);

/*
 * In the restored process, by the agent, with all other threads back in their handlers: puts
 * everything back. Does not return if that cannot be done.
 */
void cr_agent_return(struct cr_link *link);

/* With all threads parked: which children have stopped without anyone having been told. */
void cr_agent_children_collect(void);

/*
 * In the restored process: 1 if SIGCHLD is pending; and, when all children that were stopped are
 * again, takes back what that told this process, member SELF.
 */
struct cr_handoff;
int cr_agent_children_signalled(void);
void cr_agent_children_put_back(struct cr_handoff *h, uint32_t self, int had_signal);

/* Afterwards, when callbacks have run, with what they have to say: RC < 0 ends the process. */
void cr_agent_returned(int rc, const struct cr_error *err);

/* The round begins: callbacks, then collectives are held back, and the first report is sent. Nothing for other processes. */
int cr_agent_rank_begin(struct cr_link *link, const quiesce_wire_Begin *begin,
                        quiesce_wire_RankResult *result, struct cr_error *err);
/* The collective report of this rank, if it has one. */
int cr_agent_rank_report(struct cr_link *link);
void cr_agent_rank_targets(const quiesce_wire_Targets *targets);
void cr_agent_rank_release(const quiesce_wire_Release *release);
/* A connection to the crnode of this rank, or -errno. */
int cr_agent_rank_connect(void);
/* Writes sorted numbers as ranges, at most MOST; the last one takes in all that do not fit. Returns how many it has written. */
size_t cr_agent_ranges(const uint32_t *numbers, size_t count, quiesce_wire_Range *ranges,
                       size_t most);
/* After a drain: says in RESULT if this rank does nothing but wait for a message. */
void cr_agent_waits(quiesce_wire_RankResult *result);
/* What the round that begins is to become: the restored process says so. */
void cr_agent_ask_remember(const quiesce_wire_Begin *begin);
/* Who this rank is and what is not its own. */
void cr_agent_rank_foreign(const struct cr_link *link, struct cr_foreign *ret_foreign);
const struct cr_rank_facts *cr_agent_rank_facts(uint32_t sequence);

/* ---- one of a group ---- */

/* Forgets what the last group has said. -CR_EREFUSED for a rank of an MPI job. */
int cr_agent_group_begin(const quiesce_wire_Begin *begin, struct cr_error *err);
/* Objects that another member stores. */
void cr_agent_group_elsewhere(const quiesce_wire_Elsewhere *elsewhere);
/*
 * Begins the dump, with what it must know about the others. A process alone takes in what is in flight to it; in a group that
 * is done before, when all members stand still, by cr_agent_group_gather().
 */
int cr_agent_begin_dump(struct cr_link *link, const quiesce_wire_Begin *begin,
                        struct cr_error *err);
int cr_agent_group_gather(struct cr_link *link, const quiesce_wire_Begin *begin,
                          struct cr_error *err);
/* -CR_EFAMILY if this process has a child, dead or alive. */
int cr_agent_group_check_alone(struct cr_error *err);
/* Where the image goes: into the file that came with the last frame. */
int cr_agent_group_place(struct cr_link *link, uint64_t offset, struct cr_error *err);
/* Completes what cr_agent_rank_foreign() says. */
void cr_agent_group_foreign(struct cr_foreign *foreign);

/*
 * Critical sections: closes them to newcomers and waits for those inside, at most TIMEOUT_NS (0: for ever), or until the
 * requester gives up.
 */
int cr_section_close(struct cr_link *link, int64_t timeout_ns, struct cr_error *err);
void cr_section_open(void);
void cr_section_forked(void);

/* 1: this process stays out of every checkpoint. */
extern int cr_agent_omits;

/*
 * What callbacks of a rank have to do while MPI still runs freely. Negative if one of them does not want the checkpoint.
 * Whatever comes of it, cr_callbacks_after() must follow.
 */
int cr_callbacks_early(struct cr_link *link, const quiesce_wire_Begin *begin,
                       quiesce_wire_RankResult *result, struct cr_error *err);
/*
 * Callbacks up to the last cr_checkpoint() in thread context. Negative, with the verdict in RESULT, if one of them does not
 * want the checkpoint. Whatever comes of it, cr_callbacks_after() must follow.
 */
int cr_callbacks_before(struct cr_link *link, const quiesce_wire_Begin *begin,
                        quiesce_wire_RankResult *result, struct cr_error *err);
/* Between the two. */
int cr_callbacks_are_under_way(void);
/* The same about callbacks that have run since: in signal context, or afterwards. */
int cr_callbacks_check(quiesce_wire_RankResult *result, struct cr_error *err);
/* Answers what callbacks ask for. Negative if the requester gives up. */
int cr_callbacks_serve(struct cr_error *err);
/*
 * The rest of all callbacks, before threads are released: OUTCOME is 0 after a checkpoint, 1 after a restart, negative if
 * there was none.
 */
void cr_callbacks_after(int outcome);
void cr_callbacks_forked(void);
/* In the restored process: who has restarted it, from which file. */
void cr_callbacks_restarted_by(int restarter, const char *source);

/* What the requester wants to have in the image, or not; what was left out, and which connections are to live on. */
int cr_agent_begin_policy(const quiesce_wire_Begin *begin, struct cr_error *err);
void cr_agent_report_image(quiesce_wire_RankResult *result);

#endif
