/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. A thread that a checkpoint has found in a call which only messages of
 * other ranks can end. If all threads of all ranks are in such calls after the drain, none of them will ever go on.
 */
#ifndef CR_BLOCKED_H
#define CR_BLOCKED_H

#include "cr_rank.h"
#include "cr_request.h"

/* What the call waits for; on the stack of the thread while it is parked. */
struct cr_blocked {
    const MPI_Request *requests; /* NULL: a probe */
    int count, any;              /* any: one request ends the call; otherwise all of them */
    MPI_Comm comm;               /* of the probe, as what follows */
    int source, tag;
};

/* Parks the calling thread, which waits for this. */
void cr_blocked_park(const struct cr_blocked *blocked);

/*
 * After a drain: 1 if the one thread that calls MPI is in such a call, and nothing for it is there. RET_WAIT says whose messages
 * could end it; valid until the next call.
 */
int cr_blocked_report(struct cr_rank_wait *ret_wait);

#endif
