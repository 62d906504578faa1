/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Reads what parked threads have left on their stacks. */
#include "cr_blocked.h"

#include "cr_internal.h"
#include "cr_sync.h"
#include "cr_unexpected.h"

#include <string.h>

static uint64_t *awaited; /* bit per world rank */
static uint32_t *awaited_ranks;
static uint32_t threads;
static uint64_t thread; /* upper FS of the last one */

void cr_blocked_park(const struct cr_blocked *blocked)
{
    cr_gate_call.blocked = blocked;
    cr_gate_park();
    cr_gate_call.blocked = NULL;
}

/* Returns 0 if others than the ranks of this job are among those whose messages are waited for. */
static int await_peer(MPI_Comm comm, int peer)
{
    const struct cr_communicator *c = (const struct cr_communicator *)comm;
    int i;

    if (c->flags & CR_COMM_OUTSIDE)
        return 0;
    for (i = 0; i < c->peer_size; i++)
        if (peer == MPI_ANY_SOURCE || peer == i)
            awaited[c->world_ranks[i] / 64] |= 1UL << (c->world_ranks[i] % 64);
    return peer == MPI_ANY_SOURCE || peer >= 0;
}

/* A receive without a message, or a synchronous send whose message lies in the queue of the receiver. */
static int needs_another(const struct cr_request *r)
{
    if (r->flags & (CR_REQUEST_CANCELLING | CR_REQUEST_FREED))
        return 0;
    if (r->type == CR_REQUEST_RECEIVE)
        return !(r->flags & CR_REQUEST_UPPER);
    return r->type == CR_REQUEST_SEND && (r->flags & CR_REQUEST_UPPER) && r->answer == CR_SYNC_KEPT;
}

static int is_wait_blocked(const struct cr_blocked *b)
{
    int i, blocked = 0;

    for (i = 0; i < b->count; i++) {
        const struct cr_request *r = cr_request_of(b->requests[i]);

        if (b->requests[i] == MPI_REQUEST_NULL || r->state == CR_REQUEST_INACTIVE)
            continue;
        if (cr_request_is_active(r) && needs_another(r) && await_peer(r->comm, r->peer))
            blocked = 1;
        else if (b->any)
            return 0;
    }
    return blocked;
}

static int is_probe_blocked(const struct cr_blocked *b)
{
    MPI_Status status;

    return cr_unexpected_find(b->comm, b->source, b->tag, &status) == NULL &&
           await_peer(b->comm, b->source);
}

static void count(uint64_t fs)
{
    threads++;
    thread = fs;
}

static void list_ranks(struct cr_rank_wait *ret_wait)
{
    uint32_t rank;

    ret_wait->count = 0;
    for (rank = 0; rank < cr_request_world_size; rank++)
        if (awaited[rank / 64] >> (rank % 64) & 1)
            awaited_ranks[ret_wait->count++] = rank;
    ret_wait->ranks = awaited_ranks;
}

int cr_blocked_report(struct cr_rank_wait *ret_wait)
{
    size_t words = (cr_request_world_size + 63) / 64;
    const volatile struct cr_gate_call *call;
    const struct cr_blocked *b;

    threads = 0;
    cr_stub_each_thread(count);
    if (threads != 1)
        return 0;
    call = cr_gate_in_thread(&cr_gate_call, thread);
    b = call->blocked;
    if (b == NULL || call->name == NULL)
        return 0;
    if (awaited == NULL) {
        awaited = cr_pool_alloc(words * sizeof(*awaited));
        awaited_ranks = cr_pool_alloc(cr_request_world_size * sizeof(*awaited_ranks));
    }
    memset(awaited, 0, words * sizeof(*awaited));
    if (b->requests != NULL ? !is_wait_blocked(b) : !is_probe_blocked(b))
        return 0;
    ret_wait->name = call->name + (call->name[0] == 'P');
    list_ranks(ret_wait);
    return 1;
}
