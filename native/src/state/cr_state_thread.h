/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What the kernel keeps for each thread beyond its registers: how it is scheduled, who it is, what it
 * has asked for by prctl(). Each thread saves and puts back its own; the record lies in our memory and comes back with it.
 */
#ifndef CR_STATE_THREAD_H
#define CR_STATE_THREAD_H

#include "cr_slice.h"
#include "cr_state.h"
#include "cr_state_cputime.h"
#include "cr_state_credentials.h"

#define CR_AFFINITY_WORDS 64 /* of 64 CPUs each */
#define CR_SPECULATION_KINDS 3

struct cr_attributes {
    struct cr_scheduling scheduling;
    uint64_t affinity[CR_AFFINITY_WORDS];
    uint32_t affinity_size; /* bytes; 0: unknown */
    int32_t io_priority;
    int32_t nice;
    uint32_t personality;
    int32_t death_signal;
    int32_t time_stamp_counter; /* PR_GET_TSC */
    int32_t machine_check;      /* PR_MCE_KILL_GET */
    int32_t io_flusher;
    int32_t speculation[CR_SPECULATION_KINDS];
    uint32_t no_new_privileges;
    const char *failed; /* after a restore: what could not be put back; NULL: nothing */
    struct cr_cputime cputime;
    struct cr_credentials credentials;
};

/* By the thread itself, with all signals blocked. */
void cr_attributes_save(struct cr_attributes *a);

/*
 * By a thread of a restored process, the agent's last of all: it needs its rights for the others. What failed is kept
 * for cr_attributes_check().
 */
void cr_attributes_restore(struct cr_attributes *a);

/* 0, or -CR_EPERMISSION with what thread TID could not get back. */
int cr_attributes_check(const struct cr_attributes *a, int tid, struct cr_error *err);

/*
 * By the agent with all threads parked: what the threads need to know at a restart beyond their own record. In an MPI rank how
 * and as whom the process runs is decided by its launcher, so that is not put back.
 */
int cr_attributes_collect(struct cr_state *state, struct cr_error *err);

#endif
