/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Messages on communicators that sender and receiver have freed: nobody
 * can receive them any more, so a drain must not wait for them. Each rank remembers of a communicator that it has freed
 * how many more messages it has sent on it than received. Summed over all ranks that is what nobody has received. Where no
 * request refers to the communicator on any rank nobody will, and if all ranks together miss just as many they miss
 * nothing else.
 */
#ifndef CR_LOST_H
#define CR_LOST_H

#include "cr_stub.h"

enum { CR_LOST_WORDS = 16, CR_LOST_BITS = 64 * CR_LOST_WORDS };

/* COMM leaves those that the drain probes. May come again if its requests have ended since. */
void cr_lost_removed(struct cr_communicator *comm);

/* What this rank has sent on freed communicators, less what it has received: only the sum over the ranks means something. */
int64_t cr_lost_balance(void);
/* That sum is 0: of each of them everything is received. Called by all ranks. */
void cr_lost_nothing(void);

/* An agreement that all ranks take part in, in two sums again and again until it is settled. */
struct cr_lost {
    uint64_t mine
        [CR_LOST_WORDS]; /* a bit for each communicator that requests here refer to, by its identity */
    uint64_t all[CR_LOST_WORDS]; /* on any rank */
    int64_t numbers[2], sums[2];
    MPI_Request sum;
    enum { CR_LOST_IDLE, CR_LOST_REFERENCES, CR_LOST_NUMBERS } step;
    int settled;
};

/*
 * One step of it, with what this rank misses. Once LOST is settled, the messages that were still missing count as received.
 * A code of MPI.
 */
int cr_lost_step(struct cr_lost *lost, uint64_t missing, MPI_Comm comm);

#endif
