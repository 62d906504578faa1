/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What the MPI stub gives to the agent so that a rank can take part in a
 * checkpoint of its job, and what the agent gives to the stub. All functions of cr_rank_ops are
 * called on the agent's thread, never two at once, except may_park(), which is called in the stop
 * handler of the thread concerned. Between stop and resume they may use neither the application's
 * malloc nor stdio (a parked thread may hold their locks).
 */
#ifndef CR_RANK_H
#define CR_RANK_H

#include "cr_error.h"
#include "cr_state.h"

#include <stddef.h>
#include <stdint.h>

struct cr_group_clock {
    uint64_t id_high, id_low; /* hash of the sorted world ranks of the group */
    uint64_t sequence;        /* collectives begun */
    const uint32_t *members;  /* sorted world ranks */
    size_t member_count;
};

/* A thread that is inside MPI. */
struct cr_rank_call {
    const char *name; /* "MPI_Recv" */
    char object[128]; /* of a collective one: communicator, window or file, for people */
    uint64_t id_high, id_low;
    const uint32_t *members; /* of that object: sorted world ranks; NULL: not collective */
    size_t member_count;
    int held; /* at the gate: it has not begun */
};

struct cr_collective_report {
    int in_collective;
    int parked;
    int finalizing; /* past the point of no return in MPI_Finalize */
    uint64_t releases_used;
    const struct cr_group_clock *clocks;
    size_t clock_count;
    const uint32_t *waits_for; /* sorted world ranks */
    size_t waits_for_count;
    const struct cr_rank_call *calls;
    size_t call_count;
};

/* A call that only messages of other ranks can end. */
struct cr_rank_wait {
    const char *name;      /* "MPI_Recv" */
    const uint32_t *ranks; /* sorted world ranks, of any of which that could be */
    size_t count;
};

struct cr_rank_ops {
    int rank;
    int size;

    /* Before anything else, while the application runs: refuses what could keep the ranks from ever
     * agreeing, by name. NULL: nothing does. */
    int (*may_begin)(struct cr_error *err);

    /* Phase COLLECTIVES. pend() closes the gate (sets PENDING, membarrier); report() is a
     * consistent snapshot that stays valid until the next call; target() raises one clock's target;
     * release() lets one gate passage through. */
    void (*pend)(void);
    void (*report)(struct cr_collective_report *ret_report);
    void (*target)(uint64_t id_high, uint64_t id_low, uint64_t sequence);
    void (*release)(void);

    /*
     * STOP is coming (waits return and park) / the round is over or cancelled (everything goes on).
     */
    void (*stop)(void);
    void (*go)(void);

    /* In the stop handler: 1 if this thread may park here, 0 if it is in the lower half or in a
     * wrapper and will park itself by cr_rank_park() when it leaves. UCONTEXT is the handler's
     * third argument. */
    int (*may_park)(const void *ucontext);

    /* With all threads parked: refuses live objects that cannot be checkpointed yet, by name. */
    int (*check)(struct cr_error *err);
    /*
     * With all threads parked: lets the library answer ranks whose threads are still on their way.
     * Returns 0 if that is never needed.
     */
    int (*progress)(void);
    /* Receives what is in flight. RET_MESSAGES: how many were kept. */
    int (*drain)(uint64_t *ret_messages, struct cr_error *err);
    /*
     * After that: 1 if only one thread calls MPI, and that is in such a call and nothing for it is there. NULL: that is not
     * known.
     */
    int (*waits)(struct cr_rank_wait *ret_wait);
    /*
     * In the restored process, threads still parked: new lower half, objects rebuilt, receives
     * re-posted, barrier.
     */
    int (*rebuild)(struct cr_error *err);

    /* What belongs to the lower half; valid until go(). */
    void (*foreign)(struct cr_foreign *ret_foreign);
    /* Whether the kernel thread TID belongs to the lower half (never parked, never saved). */
    int (*thread_is_foreign)(int tid);
};

/*
 * Called once, at the end of MPI_Init. OPS stays valid for ever. Registers this rank with the
 * node's crnode.
 */
int cr_rank_register(const struct cr_rank_ops *ops, struct cr_error *err);

/*
 * A safe point: the calling thread parks here if a stop is in progress (it sends itself the stop
 * signal).
 */
void cr_rank_park(void);

/* The report has changed: wakes the agent. Async-signal-safe. */
void cr_rank_report_changed(void);

/*
 * The report has changed in what matters only if it stays so for milliseconds: the agent, which looks that often, takes it along.
 * Async-signal-safe.
 */
void cr_rank_report_later(void);

/*
 * MPI_Finalize has completed its barrier: no checkpoint from here on. Waits for the end of a round
 * in progress.
 */
void cr_rank_finalized(void);

/* ---- the application's voice: what <quiesce_mpi.h> is made of ---- */

struct cr_rank_checkpoint {
    char reference[4096];
    uint32_t sequence;
    int restarted; /* 1: this is the restored process */
};

/* 1 once this process has registered as a rank. */
int cr_rank_is_one(void);

/* Whether this thread may ask for a checkpoint now; 0 or a negative code. */
int cr_rank_may_ask(struct cr_error *err);

/*
 * Asks for a checkpoint of the job and returns when it is committed, or in the restored process. Negative: there is none,
 * and the job goes on.
 */
int cr_rank_checkpoint(struct cr_rank_checkpoint *ret, struct cr_error *err);

/* The numbers are those of OMPI_CR_INC_callback_event_t and OMPI_CR_INC_callback_state_t. */
enum { CR_VOICE_EVENTS = 6 };
enum cr_voice_state { CR_VOICE_PREPARE, CR_VOICE_CONTINUE, CR_VOICE_RESTART, CR_VOICE_ERROR };
typedef int (*cr_voice_inc)(unsigned event, unsigned state);

/* FUNCTION NULL: none. RET_BEFORE: the one that it replaces. 0 or a negative code. */
int cr_rank_register_inc(unsigned event, cr_voice_inc function, cr_voice_inc *ret_before,
                         struct cr_error *err);

enum { CR_VOICE_SELF_CHECKPOINT, CR_VOICE_SELF_CONTINUE, CR_VOICE_SELF_RESTART, CR_VOICE_SELF };

/* FUNCTION: int (char **) for CR_VOICE_SELF_CHECKPOINT, otherwise int (void). 0 or a negative code. */
int cr_rank_register_self(int which, void (*function)(void), struct cr_error *err);

#endif
