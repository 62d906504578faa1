/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; the functions of the drain: on the agent's thread, every application thread parked. Synchronous sends
 * across a checkpoint. A drain receives the message before the application does, and the real send ends there. So the
 * sender asks the receiver, in the drain, whether the message lies in its queue; if it does, the request stays active until
 * the receiver takes the message out of the queue and says so.
 *
 * Which message is meant: those from one rank to another on one communicator with one tag are a class, and the messages of
 * a class are matched in the order in which they were sent. So it is enough to say how many came after it.
 */
#ifndef CR_SYNC_H
#define CR_SYNC_H

#include "cr_request.h"

/* REQUEST, counted by cr_request_count_send(), is under way / has ended. */
void cr_sync_started(struct cr_request *request);
void cr_sync_ended(struct cr_request *request);
/* A message to DEST, of whatever mode: how many are sent after a synchronous one. */
void cr_sync_count(MPI_Comm comm, int dest, int tag);

extern struct cr_lock cr_sync_order CR_REQUEST_HIDDEN;

/* With several threads, a send and its count are one step as long as a synchronous send is under way. */
static inline int cr_sync_order_begin(int mode)
{
    uint32_t slow = cr_request_slow;

    if (__builtin_expect(!(slow & CR_SLOW_THREADS), 1) ||
        (mode != CR_SEND_SYNCHRONOUS && !(slow & CR_SLOW_SYNCHRONOUS)))
        return 0;
    cr_lock_take(&cr_sync_order);
    return 1;
}

static inline void cr_sync_order_end(int begun)
{
    if (__builtin_expect(begun, 0))
        cr_lock_give(&cr_sync_order);
}

/* One look for messages "received", while somebody waits for one; drives the real library. Upper FS, inside wrappers. */
void cr_sync_poll(void);
/* The application takes a message that world rank SENDER waits for. */
void cr_sync_received(uint32_t sender, uint64_t ticket);

/* ---- the drain ---- */

/* What each rank is told by all others at the beginning of a drain. */
enum { CR_DRAIN_MESSAGES, CR_DRAIN_QUESTIONS, CR_DRAIN_BALANCE, CR_DRAIN_NUMBERS };

/* Adds to TABLE, CR_DRAIN_NUMBERS for each world rank, how many questions this rank has for it. */
void cr_sync_announce(uint64_t *table);
/* Asks them. Returns the MPI code. */
int cr_sync_ask(void);
/* One look at what the others say; COMPLETE: every message to this rank is here, questions can be answered. */
int cr_sync_step(int complete, int *ret_progress);
/* 1 if all EXPECTED questions are answered, and nothing of ours is under way. */
int cr_sync_settled(uint64_t expected);
/* The real request of REQUEST, a synchronous send that was asked about, has ended. */
void cr_sync_sent(struct cr_request *request, const MPI_Status *status, int code);
/* The drain has begun / has failed: what nobody has answered counts as received. */
void cr_sync_begin(void);
void cr_sync_give_up(void);

/*
 * The receiver has the message of REQUEST, and that has not ended all the same. For some transports it never will, if the
 * message was received after a matched probe.
 */
int cr_sync_is_lost(const struct cr_request *request);

static inline int cr_sync_is_open(const struct cr_request *r)
{
    return r->ticket != 0 && !(r->flags & CR_REQUEST_FREED) && r->answer == CR_SYNC_UNKNOWN;
}

#endif
