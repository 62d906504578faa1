/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. How soon a thread runs that has been woken on a busy processor. */
#ifndef CR_SLICE_H
#define CR_SLICE_H

#include <stdint.h>

/* How a thread is scheduled: struct sched_attr of sched_setattr(2), which C libraries lack. */
struct cr_scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t clamp_low, clamp_high;
};

/*
 * Gives the calling thread the shortest time slice (0.1 ms): when it is woken it goes before those that compute. No privilege is
 * needed, its share of the processor stays the same, and children inherit it. Linux before 6.12 has one length for all threads;
 * nothing changes there, nor under a real-time policy.
 */
void cr_slice_shorten(void);

#endif
