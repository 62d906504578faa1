/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. Ghosts: communicators that the application has freed and this rank
 * has forgotten, but that a request of another member still uses. All members are needed to make one
 * again after a restart, so every rank tells all others what it has of this kind.
 */
#include "cr_communicator.h"

#include <string.h>

/* One freed communicator in a message; the world ranks follow (local group, remote group), then its topology. */
struct record {
    uint64_t id_high, id_low;
    uint32_t flags;
    int32_t size, peer_size;
    uint32_t topology_bytes;
};

struct exchange {
    char *mine, *all;
    int bytes; /* of mine */
    int *counts, *places;
    int ranks;
    size_t total;
};

static int is_inter(uint32_t flags)
{
    return (flags & CR_COMM_INTER) != 0;
}

/* Of the world ranks in a record: a multiple of 8. */
static size_t rank_bytes(uint32_t flags, int size, int peer_size)
{
    size_t ranks = (size_t)size + (is_inter(flags) ? (size_t)peer_size : 0);

    return (ranks + ranks % 2) * sizeof(uint32_t);
}

static int is_told(const struct cr_communicator *comm)
{
    return (comm->flags & (CR_COMM_FREED | CR_COMM_GONE)) == CR_COMM_FREED;
}

static size_t bytes_of(const struct cr_communicator *comm)
{
    return sizeof(struct record) + rank_bytes(comm->flags, comm->size, comm->peer_size) +
           cr_topology_bytes(comm);
}

static char *write_record(char *at, const struct cr_communicator *comm)
{
    struct record r = {.id_high = comm->id_high,
                       .id_low = comm->id_low,
                       .flags = comm->flags & (uint32_t)(CR_COMM_INTER | CR_COMM_HINTS),
                       .size = comm->size,
                       .peer_size = comm->peer_size,
                       .topology_bytes = (uint32_t)cr_topology_bytes(comm)};
    const uint32_t *local = is_inter(comm->flags) ? comm->local_ranks : comm->world_ranks;
    char *ranks = at + sizeof(r);

    memcpy(at, &r, sizeof(r));
    memcpy(ranks, local, (size_t)comm->size * sizeof(uint32_t));
    if (is_inter(comm->flags))
        memcpy(ranks + (size_t)comm->size * sizeof(uint32_t), comm->world_ranks,
               (size_t)comm->peer_size * sizeof(uint32_t));
    at += bytes_of(comm);
    cr_topology_write(comm, at - r.topology_bytes);
    return at;
}

static void write_all(struct exchange *e)
{
    size_t bytes = 0;
    char *at;

    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        if (is_told((struct cr_communicator *)k))
            bytes += bytes_of((struct cr_communicator *)k);
    e->bytes = (int)bytes;
    at = e->mine = cr_pool_alloc(bytes + 1);
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        if (is_told((struct cr_communicator *)k))
            at = write_record(at, (struct cr_communicator *)k);
}

static int exchange_sizes(struct exchange *e)
{
    MPI_Comm world = CR_REAL_COMM(MPI_COMM_WORLD);
    MPI_Datatype integer = CR_REAL_DATATYPE(MPI_INT);
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Allgather)(&e->bytes, 1, integer, e->counts, 1, integer, world);

    cr_lower_leave(fs);
    for (int i = 0; i < e->ranks; i++) {
        e->places[i] = (int)e->total;
        e->total += (size_t)e->counts[i];
    }
    return rc;
}

static int exchange_records(struct exchange *e)
{
    MPI_Comm world = CR_REAL_COMM(MPI_COMM_WORLD);
    MPI_Datatype byte = CR_REAL_DATATYPE(MPI_BYTE);
    uint64_t fs;
    int rc;

    e->all = cr_pool_alloc(e->total + 1);
    fs = cr_lower_enter();
    rc = CR_REAL(Allgatherv)(e->mine, e->bytes, byte, e->all, e->counts, e->places, byte, world);
    cr_lower_leave(fs);
    return rc;
}

static int has(const uint32_t *ranks, int count, uint32_t rank)
{
    for (int i = 0; i < count; i++) {
        if (ranks[i] == rank)
            return 1;
    }
    return 0;
}

static int is_known(const struct record *r, const struct cr_keyed *list)
{
    for (; list != NULL; list = list->next) {
        const struct cr_communicator *comm = (const struct cr_communicator *)list;

        if (comm->id_high == r->id_high && comm->id_low == r->id_low)
            return 1;
    }
    return 0;
}

static struct cr_communicator *ghost_of(const struct record *r, const uint32_t *own, int size,
                                        const uint32_t *peers, int peer_size)
{
    struct cr_communicator *ghost = cr_pool_alloc(sizeof(*ghost));

    ghost->keyed.made_by = "another rank";
    ghost->id_high = r->id_high;
    ghost->id_low = r->id_low;
    ghost->flags = r->flags | CR_COMM_FREED;
    ghost->size = size;
    ghost->peer_size = peer_size;
    ghost->world_ranks = cr_communicator_copy_ranks(peers, peer_size);
    if (is_inter(r->flags))
        ghost->local_ranks = cr_communicator_copy_ranks(own, size);
    return ghost;
}

/* A ghost if this rank is a member and knows nothing of it. */
static void hear_one(const struct record *r, struct cr_communicator **ghosts)
{
    uint32_t self = (uint32_t)((struct cr_communicator *)MPI_COMM_WORLD)->rank;
    const uint32_t *first = (const uint32_t *)(r + 1), *second = first + r->size;
    struct cr_communicator *ghost;

    if (is_known(r, cr_communicator_list()) || is_known(r, (struct cr_keyed *)*ghosts))
        return;
    if (!is_inter(r->flags))
        second = first;
    if (has(first, r->size, self))
        ghost = ghost_of(r, first, r->size, second, r->peer_size);
    else if (is_inter(r->flags) && has(second, r->peer_size, self))
        ghost = ghost_of(r, second, r->peer_size, first, r->size);
    else
        return;
    if (r->topology_bytes > 0)
        cr_topology_read(ghost, (const char *)first + rank_bytes(r->flags, r->size, r->peer_size));
    ghost->keyed.next = (struct cr_keyed *)*ghosts;
    *ghosts = ghost;
}

static void hear_all(const struct exchange *e, struct cr_communicator **ghosts)
{
    size_t at = 0;

    while (at < e->total) {
        const struct record *r = (const struct record *)(void *)(e->all + at);

        hear_one(r, ghosts);
        at += sizeof(*r) + rank_bytes(r->flags, r->size, r->peer_size) + r->topology_bytes;
    }
}

int cr_ghosts_hear(struct cr_communicator **ret_ghosts, struct cr_error *err)
{
    struct exchange e = {.ranks = ((struct cr_communicator *)MPI_COMM_WORLD)->size};
    size_t size = (size_t)e.ranks * sizeof(int);
    int rc;

    write_all(&e);
    e.counts = cr_pool_alloc(size);
    e.places = cr_pool_alloc(size);
    rc = exchange_sizes(&e);
    if (rc == MPI_SUCCESS && e.total > 0)
        rc = exchange_records(&e);
    if (rc == MPI_SUCCESS)
        hear_all(&e, ret_ghosts);
    cr_pool_free(e.mine, (size_t)e.bytes + 1);
    if (e.all != NULL)
        cr_pool_free(e.all, e.total + 1);
    cr_pool_free(e.counts, size);
    cr_pool_free(e.places, size);
    if (rc == MPI_SUCCESS)
        return 0;
    return cr_fail(err, CR_EINTERNAL, "freed communicators cannot be compared: MPI error %d", rc);
}

void cr_ghosts_free(struct cr_communicator *ghosts)
{
    while (ghosts != NULL) {
        struct cr_communicator *ghost = ghosts;
        MPI_Comm real = (MPI_Comm)ghost->keyed.handle.real;
        uint64_t fs;

        ghosts = (struct cr_communicator *)ghost->keyed.next;
        if (real != NULL) {
            fs = cr_lower_enter();
            CR_REAL(Comm_free)(&real);
            cr_lower_leave(fs);
        }
        cr_topology_forget(ghost);
        cr_pool_free(ghost->world_ranks, (size_t)ghost->peer_size * sizeof(uint32_t));
        cr_pool_free(ghost->local_ranks, (size_t)ghost->size * sizeof(uint32_t));
        cr_pool_free(ghost, sizeof(*ghost));
    }
}
