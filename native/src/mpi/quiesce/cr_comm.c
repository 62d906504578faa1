/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. What quiescing keeps with communicators, windows and files. */
#include "cr_comm.h"
#include "cr_clock.h"
#include "cr_internal.h"
#include "cr_lost.h"
#include "cr_quiesce.h"
#include "cr_request.h"
#include "cr_unexpected.h"

#include <string.h>

/* World ranks of GROUP (real) into RANKS, which has room for COUNT. FS: lower. */
static int translate(MPI_Group group, int count, uint32_t *ranks, int *own)
{
    MPI_Group world;
    int rc, i;

    for (i = 0; i < count; i++)
        own[i] = i;
    rc = CR_REAL(Comm_group)(CR_REAL_COMM(MPI_COMM_WORLD), &world);
    if (rc != MPI_SUCCESS)
        return rc;
    rc = CR_REAL(Group_translate_ranks)(group, count, own, world, (int *)ranks);
    CR_REAL(Group_free)(&world);
    return rc;
}

/* The clock of these ranks; COMM gets one of its own when several threads may call MPI. */
static struct cr_group *clock_for(const struct cr_communicator *comm, const uint32_t *ranks,
                                  int count)
{
    const uint64_t id[2] = {comm->id_high, comm->id_low};

    return cr_quiesce_call_clock(id, ranks, count);
}

static struct cr_group *clock_of_real_group(MPI_Group group)
{
    uint32_t *ranks;
    struct cr_group *g = NULL;
    uint64_t fs;
    int count = 0, rc;
    size_t size;

    fs = cr_lower_enter();
    rc = CR_REAL(Group_size)(group, &count);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS || count <= 0)
        return NULL;
    size = (size_t)count * (sizeof(uint32_t) + sizeof(int));
    ranks = cr_pool_alloc(size);
    fs = cr_lower_enter();
    rc = translate(group, count, ranks, (int *)(ranks + count));
    cr_lower_leave(fs);
    for (int i = 0; i < count && rc == MPI_SUCCESS; i++)
        if (ranks[i] == (uint32_t)MPI_UNDEFINED)
            rc = MPI_ERR_GROUP; /* of another job: nobody is waited for */
    if (rc == MPI_SUCCESS)
        g = cr_clock_of(ranks, (uint32_t)count);
    cr_pool_free(ranks, size);
    return g;
}

/* Both sides of an intercommunicator take part in its collectives: the clock of all of them. */
static struct cr_group *clock_of_both(const struct cr_communicator *comm)
{
    int count = comm->size + comm->peer_size;
    size_t size = (size_t)count * sizeof(uint32_t);
    uint32_t *ranks = cr_pool_alloc(size);
    struct cr_group *g;

    memcpy(ranks, comm->local_ranks, (size_t)comm->size * sizeof(uint32_t));
    memcpy(ranks + comm->size, comm->world_ranks, (size_t)comm->peer_size * sizeof(uint32_t));
    g = clock_for(comm, ranks, count);
    cr_pool_free(ranks, size);
    return g;
}

void cr_quiesce_comm_added(MPI_Comm comm)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;
    struct cr_comm_state *state = cr_pool_alloc(sizeof(*state));

    state->last = &state->first;
    cr_comm_set_clock(comm);
    c->state = state;
}

void cr_comm_set_clock(MPI_Comm comm)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;

    if (c->flags & CR_COMM_OUTSIDE)
        c->keyed.clock = NULL;
    else if (c->flags & CR_COMM_INTER)
        c->keyed.clock = clock_of_both(c);
    else
        c->keyed.clock = clock_for(c, c->world_ranks, c->size);
}

void cr_quiesce_comm_freed(MPI_Comm comm)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;
    struct cr_group *clock = c->keyed.clock;

    c->keyed.clock = cr_quiesce_parent(comm);
    cr_clock_comm_freed(clock);
}

void cr_quiesce_comm_removed(MPI_Comm comm)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;
    struct cr_comm_state *state = c->state;
    struct cr_message *message;

    c->state = NULL;
    cr_lost_removed(c);
    cr_clock_comm_freed(c->keyed.clock);
    if (state == NULL)
        return;
    while ((message = state->first) != NULL) {
        state->first = message->next;
        cr_unexpected_free(message);
    }
    cr_pool_free(state, sizeof(*state));
}

/* Windows and files outlive their communicator, and so must their clock. */
struct cr_group *cr_quiesce_parent(MPI_Comm comm)
{
    struct cr_group *clock = ((struct cr_communicator *)comm)->keyed.clock;

    return clock == NULL ? NULL : cr_clock_of(clock->members, clock->count);
}

struct cr_group *cr_quiesce_call_clock(const uint64_t id[2], const uint32_t *ranks, int count)
{
    if (cr_request_threads)
        return cr_clock_of_comm(id[0], id[1], ranks, (uint32_t)count);
    return cr_clock_of(ranks, (uint32_t)count);
}

void cr_quiesce_call_over(struct cr_group *clock)
{
    cr_clock_comm_freed(clock);
}

void cr_collective_begin_group(MPI_Group group)
{
    cr_collective_begin_clock(clock_of_real_group(CR_REAL_GROUP(group)));
}
