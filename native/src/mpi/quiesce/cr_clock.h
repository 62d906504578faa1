/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. The collective clock: for each group of ranks, how many collectives
 * this rank has begun. While a checkpoint is pending a rank passes the gate of its next collective only if some clock is
 * behind its target (others have begun what this rank has not), or with a release. Clocks are never reset.
 *
 * One thread per rank: a clock for each group of ranks, whatever communicators they have, because the order of a group's
 * collectives is the same on all its ranks. With MPI_THREAD_MULTIPLE it is not, so equal sums prove nothing, and each
 * communicator has its own clock; that of a freed one is kept until the next checkpoint, so that ranks that have not
 * freed it yet are seen to be behind.
 *
 * What a call makes with ranks that have no communicator in common (MPI_Comm_create_group, MPI_Intercomm_create) may be
 * counted by others on a clock that this rank does not have yet: then it is behind until it has it.
 */
#ifndef CR_CLOCK_H
#define CR_CLOCK_H

#include "cr_quiesce.h"
#include "cr_rank.h"

#include <stdint.h>

enum cr_clock_kind {
    CR_CLOCK_GROUP,
    CR_CLOCK_COMM,
    CR_CLOCK_COMM_FREED,
    CR_CLOCK_FOREIGN /* others count on it; this rank has not come to what it belongs to */
};

struct cr_group {
    uint64_t id_high, id_low; /* of the sorted member list, or of a communicator and its members */
    uint32_t *members;        /* sorted world ranks */
    uint32_t count;
    uint32_t kind;              /* enum cr_clock_kind */
    volatile uint64_t sequence; /* collectives begun */
    uint64_t target;
    struct cr_group *next;
};

/* Makes the tables for a world of SIZE ranks in which this is RANK. */
void cr_clock_init(uint32_t rank, uint32_t size);

/* The clock of the group with these world ranks, in any order; repeated ranks count once. Never NULL. */
struct cr_group *cr_clock_of(const uint32_t *ranks, uint32_t count);

/* A clock of its own for the communicator with this identity. Never NULL. */
struct cr_group *cr_clock_of_comm(uint64_t id_high, uint64_t id_low, const uint32_t *ranks,
                                  uint32_t count);
/* Its communicator is freed here. A clock of a group stays as it is. */
void cr_clock_comm_freed(struct cr_group *clock);

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
/* The round is over. CONVERGED: threads were stopped, so all ranks have freed the same communicators. */
void cr_clock_round_over(int converged);

/* Past the barrier of MPI_Finalize. */
void cr_clock_finalizing(void);

#endif
