/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Messages that the application has matched by MPI_Mprobe or MPI_Improbe
 * and not yet received. A drain receives them into the handle, so that they survive a restart.
 */
#ifndef CR_PROBE_H
#define CR_PROBE_H

#include "cr_stub.h"

struct cr_message;

/* What an MPI_Message of the application points to. */
struct cr_matched {
    struct cr_handle handle; /* real: while the message is in the lower half */
    struct cr_message *kept; /* when it has been drained, or came from the queue */
    MPI_Comm comm;
    MPI_Status status; /* of the probe */
    uint64_t number;   /* by the order of matching */
    uint64_t
        consumed; /* messages of the same class (cr_sync.h) that were matched later and are received */
    struct cr_matched *next, **link;
};

/* The first held message; follow next. Only with the threads parked. */
struct cr_matched *cr_probe_first(void);

/* How many messages have been matched so far. */
extern uint64_t cr_probe_order __attribute__((visibility("hidden")));

/*
 * The held message with this SOURCE and TAG on COMM after which exactly AFTER messages of its class were matched, not
 * counting those that are not matched yet; NULL: none. Only with the threads parked.
 */
struct cr_message *cr_probe_held(MPI_Comm comm, int source, int tag, uint64_t after);
/* A message was received by a receive that began when ORDER messages had been matched. */
void cr_probe_consumed(MPI_Comm comm, int source, int tag, uint64_t order);

#endif
