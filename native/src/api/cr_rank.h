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

struct cr_collective_report {
    int in_collective;
    int parked;
    int finalizing; /* past the point of no return in MPI_Finalize */
    uint64_t releases_used;
    const struct cr_group_clock *clocks;
    size_t clock_count;
    const uint32_t *waits_for; /* sorted world ranks */
    size_t waits_for_count;
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
 * MPI_Finalize has completed its barrier: no checkpoint from here on. Waits for the end of a round
 * in progress.
 */
void cr_rank_finalized(void);

#endif
