/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. The collective clock: for each group of ranks, how many collectives
 * this rank has begun. While a checkpoint is pending a rank passes the gate of its next collective only if some clock is
 * behind its target (others have begun what this rank has not), or with a release. Clocks are never reset.
 */
#ifndef CR_CLOCK_H
#define CR_CLOCK_H

#include "cr_quiesce.h"
#include "cr_rank.h"

#include <stdint.h>

struct cr_group {
    uint64_t id_high, id_low; /* of the sorted member list */
    uint32_t *members;        /* sorted world ranks */
    uint32_t count;
    volatile uint64_t sequence; /* collectives begun */
    uint64_t target;
    struct cr_group *next;
};

/* Makes the tables for a world of SIZE ranks in which this is RANK. */
void cr_clock_init(uint32_t rank, uint32_t size);

/* The clock of the group with these world ranks, in any order; repeated ranks count once. Never NULL. */
struct cr_group *cr_clock_of(const uint32_t *ranks, uint32_t count);

/* This rank waits for a message of, or to, rank PEER of COMM (MPI_ANY_SOURCE: any member). Only while pending. */
void cr_clock_waits_for(MPI_Comm comm, int peer);
/* What it waited for has come. */
void cr_clock_progressed(void);

/* The operations of cr_rank_ops; called on the agent's thread. */
void cr_clock_pend(void);
void cr_clock_report(struct cr_collective_report *ret_report);
void cr_clock_target(uint64_t id_high, uint64_t id_low, uint64_t sequence);
void cr_clock_release(void);
/* Wakes threads at the gate: the gate word has changed. */
void cr_clock_wake(void);
/* The round is over: targets and releases are forgotten. */
void cr_clock_round_over(void);

/* Past the barrier of MPI_Finalize. */
void cr_clock_finalizing(void);

#endif
