/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States of the product: intercommunicators being made and used, and MPI_Comm_idup. SELF is one group, PARTNER the other. */
#include "product.h"

static int leader_of_others(const struct side *s)
{
    return s->is_self ? s->size / 2 : 0;
}

static MPI_Comm half_of(const struct side *s)
{
    MPI_Comm half;

    MPI_Comm_split(s->all, s->is_self, s->rank, &half);
    return half;
}

static MPI_Comm both_of(const struct side *s)
{
    MPI_Comm half = half_of(s), both;

    MPI_Intercomm_create(half, 0, s->all, leader_of_others(s), TAG, &both);
    MPI_Comm_free(&half);
    return both;
}

/* Each side hears the sum of the other. */
static void check_sum(const struct side *s, MPI_Comm both)
{
    int sum = -1, want = 0, i, others = s->size / 2;

    for (i = 0; i < others; i++)
        want += s->is_self ? others + i : i;
    MPI_Allreduce(&s->rank, &sum, 1, MPI_INT, MPI_SUM, both);
    QT_CHECK(sum == want, "sum %d, not %d", sum, want);
}

/* In MPI_Intercomm_create, and the other side comes when the checkpoint has begun. */
static void create(struct side *s)
{
    MPI_Comm half = half_of(s), both;

    if (s->is_self)
        inside(s);
    else
        late_for_a_collective(s);
    MPI_Intercomm_create(half, 0, s->all, leader_of_others(s), TAG, &both);
    MPI_Comm_free(&half);
    check_sum(s, both);
    MPI_Comm_free(&both);
}

/* Alone in it, and the other side comes when the checkpoint is over. */
static void handshake(struct side *s)
{
    MPI_Comm both;
    int got = -1;

    if (s->is_self)
        inside(s);
    else
        late(s);
    MPI_Intercomm_create(MPI_COMM_SELF, 0, s->comm, s->peer, TAG, &both);
    MPI_Sendrecv(&s->me, 1, MPI_INT, 0, TAG, &got, 1, MPI_INT, 0, TAG, both, MPI_STATUS_IGNORE);
    QT_CHECK(got == s->peer, "from %d", got);
    MPI_Comm_free(&both);
}

static void merge(struct side *s)
{
    MPI_Comm both = both_of(s), all;
    int rank = -1;

    if (s->is_self)
        inside(s);
    else
        late_for_a_collective(s);
    MPI_Intercomm_merge(both, s->is_self, &all);
    MPI_Comm_free(&both);
    MPI_Comm_rank(all, &rank);
    QT_CHECK(rank == (s->rank + s->size / 2) % s->size, "rank %d", rank);
    MPI_Barrier(all);
    MPI_Comm_free(&all);
}

/* SELF is in a barrier of both groups. */
static void barrier(struct side *s)
{
    MPI_Comm both = both_of(s);

    if (s->is_self)
        inside(s);
    else
        late_for_a_collective(s);
    MPI_Barrier(both);
    check_sum(s, both);
    MPI_Comm_free(&both);
}

/* The root, rank 0 of SELF, has left the broadcast, and the others of SELF had nothing to do in it. */
static void broadcast(struct side *s)
{
    MPI_Comm both = both_of(s);
    int root = s->is_self ? s->rank == 0 ? MPI_ROOT : MPI_PROC_NULL : 0;

    fill(s, 1, SMALL);
    if (!s->is_self)
        late_for_a_collective(s);
    MPI_Bcast(s->is_self ? out : in, SMALL, MPI_INT, root, both);
    if (s->is_self)
        inside(s);
    else if (s->size == 2)
        check(s, 1, SMALL);
    check_sum(s, both);
    MPI_Comm_free(&both);
}

/* SELF has started non-blocking collectives of both groups. */
static void started(struct side *s)
{
    MPI_Comm both = both_of(s);
    MPI_Request r[2];
    int sum = -1, one = 1;

    if (!s->is_self)
        late_for_a_collective(s);
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, both, &r[0]);
    MPI_Ibarrier(both, &r[1]);
    if (s->is_self)
        inside(s);
    MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
    QT_CHECK(sum == s->size / 2, "sum %d", sum);
    MPI_Comm_free(&both);
}

/* A large message to the other group, which receives it after the checkpoint; and both forget the communicator before. */
static void freed(struct side *s)
{
    MPI_Comm both = both_of(s);
    MPI_Request r;
    int peer;

    MPI_Comm_rank(both, &peer);
    fill(s, 1, BIG);
    if (s->is_self)
        MPI_Isend(out, BIG, MPI_INT, peer, TAG, both, &r);
    else
        MPI_Irecv(in, BIG, MPI_INT, MPI_ANY_SOURCE, TAG, both, &r);
    MPI_Comm_free(&both);
    if (s->is_self)
        inside(s);
    else
        late(s);
    MPI_Wait(&r, &status);
    if (s->is_self)
        return;
    check(s, 1, BIG);
    QT_CHECK(status.MPI_SOURCE == peer && status.MPI_TAG == TAG, "from %d", status.MPI_SOURCE);
}

/* SELF waits for a duplicate that PARTNER has not begun. */
static void idup(struct side *s)
{
    MPI_Comm copy;
    MPI_Request r;
    int sum = -1, one = 1;

    if (!s->is_self)
        late_for_a_collective(s);
    MPI_Comm_idup(s->all, &copy, &r);
    if (s->is_self)
        inside(s);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, copy);
    QT_CHECK(sum == s->size, "sum %d", sum);
    MPI_Comm_free(&copy);
}

const struct state product_comms[] = {
    {"intercomm-create", create, create, NULL},
    {"intercomm-handshake", handshake, handshake, NULL},
    {"intercomm-merge", merge, merge, NULL},
    {"intercomm-barrier", barrier, barrier, NULL},
    {"intercomm-bcast", broadcast, broadcast, NULL},
    {"intercomm-started", started, started, NULL},
    {"intercomm-freed", freed, freed, NULL},
    {"idup", idup, idup, NULL},
    {NULL, NULL, NULL, NULL},
};
