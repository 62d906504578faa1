/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States of the product: in collectives that others have not entered, on a communicator of two or four ranks. The late
 * ones go on when the checkpoint has begun, because it converges only behind the collective.
 */
#include "product.h"

/* What all do at the same place. */
static void enter(struct side *s)
{
    if (s->is_self)
        inside(s);
    else
        late_for_a_collective(s);
}

static int sum_of(const struct side *s, int which)
{
    int i, sum = 0;

    for (i = 0; i < s->size; i++)
        sum += which * 100 + i;
    return sum;
}

static void barrier(struct side *s)
{
    enter(s);
    MPI_Barrier(s->all);
}

/* Small: the root leaves at once. */
static void bcast_root_ahead(struct side *s)
{
    int i, value[SMALL];

    for (i = 0; i < SMALL; i++)
        value[i] = s->rank == 0 ? s->number + i : -1;
    enter(s);
    MPI_Bcast(value, SMALL, MPI_INT, 0, s->all);
    for (i = 0; i < SMALL; i++)
        QT_CHECK(value[i] == s->number + i, "value %d", value[i]);
    if (s->is_self)
        compute(s);
}

/* Large, and the root is the last rank, which is late. */
static void bcast_root_late(struct side *s)
{
    int i, bad = 0;

    for (i = 0; i < BIG; i++)
        in[i] = s->rank == s->size - 1 ? s->number * 3 + i : -1;
    enter(s);
    MPI_Bcast(in, BIG, MPI_INT, s->size - 1, s->all);
    for (i = 0; i < BIG; i++)
        bad += in[i] != s->number * 3 + i;
    QT_CHECK(bad == 0, "%d wrong numbers", bad);
}

static void allreduce(struct side *s)
{
    int one = s->number * 100 + s->rank, sum = -1;

    enter(s);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, s->all);
    QT_CHECK(sum == sum_of(s, s->number), "sum %d", sum);
}

/* The rank in the state is a leaf and leaves at once. */
static void reduce_leaf_ahead(struct side *s)
{
    int one = s->number * 100 + s->rank, sum = -1;

    enter(s);
    MPI_Reduce(&one, &sum, 1, MPI_INT, MPI_SUM, s->size - 1, s->all);
    QT_CHECK(s->rank != s->size - 1 || sum == sum_of(s, s->number), "sum %d", sum);
}

static void alltoallv(struct side *s)
{
    int counts[4], places[4], i, k, bad = 0;

    for (i = 0; i < s->size; i++) {
        counts[i] = 1000 * (s->rank + i + 1);
        places[i] = i * 10000;
        for (k = 0; k < counts[i]; k++)
            out[places[i] + k] = s->number * 100 + s->rank * 10 + i + k;
    }
    enter(s);
    MPI_Alltoallv(out, counts, places, MPI_INT, in, counts, places, MPI_INT, s->all);
    for (i = 0; i < s->size; i++)
        for (k = 0; k < counts[i]; k++)
            bad += in[places[i] + k] != s->number * 100 + i * 10 + s->rank + k;
    QT_CHECK(bad == 0, "%d wrong numbers", bad);
}

/* Begun by those in the state only, polled with Test. */
static void iallreduce_some(struct side *s)
{
    int one = s->number * 100 + s->rank, sum = -1, flag = 0;
    MPI_Request r;

    if (!s->is_self)
        late_for_a_collective(s);
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, s->all, &r);
    if (s->is_self)
        inside(s);
    while (!flag)
        MPI_Test(&r, &flag, MPI_STATUS_IGNORE);
    QT_CHECK(sum == sum_of(s, s->number), "sum %d", sum);
}

/* Begun by all, waited for by nobody; a second one, and a barrier, behind it. */
static void iallreduce_all(struct side *s)
{
    int one = s->number * 100 + s->rank, two = s->rank, sum = -1, again = -1;
    MPI_Request r[3];

    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, s->all, &r[0]);
    MPI_Iallreduce(&two, &again, 1, MPI_INT, MPI_SUM, s->all, &r[1]);
    MPI_Ibarrier(s->all, &r[2]);
    if (s->is_self) {
        inside(s);
        compute(s);
    } else {
        late(s);
    }
    MPI_Waitall(3, r, MPI_STATUSES_IGNORE);
    QT_CHECK(sum == sum_of(s, s->number) && again == sum_of(s, 0), "sums %d %d", sum, again);
}

static void use_and_free(struct side *s, MPI_Comm *comm, int rank, int size)
{
    int one = s->number * 100 + rank, sum = -1, i, expected = 0, got_rank, got_size;

    MPI_Comm_rank(*comm, &got_rank);
    MPI_Comm_size(*comm, &got_size);
    QT_CHECK(got_rank == rank && got_size == size, "rank %d of %d", got_rank, got_size);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, *comm);
    for (i = 0; i < size; i++)
        expected += s->number * 100 + i;
    QT_CHECK(sum == expected, "sum %d", sum);
    MPI_Comm_free(comm);
}

static void dup_half(struct side *s)
{
    MPI_Comm copy;

    enter(s);
    MPI_Comm_dup(s->all, &copy);
    use_and_free(s, &copy, s->rank, s->size);
}

static void split_half(struct side *s)
{
    MPI_Comm backwards;

    enter(s);
    MPI_Comm_split(s->all, 1, -s->rank, &backwards);
    use_and_free(s, &backwards, s->size - 1 - s->rank, s->size);
}

/* Of a group without the last rank, which is late. */
static void create_half(struct side *s)
{
    MPI_Group all, part;
    MPI_Comm made;

    MPI_Comm_group(s->all, &all);
    MPI_Group_excl(all, 1, (int[]){s->size - 1}, &part);
    enter(s);
    MPI_Comm_create(s->all, part, &made);
    QT_CHECK((made == MPI_COMM_NULL) == (s->rank == s->size - 1), "who is in it");
    if (made != MPI_COMM_NULL)
        use_and_free(s, &made, s->rank, s->size - 1);
    MPI_Group_free(&part);
    MPI_Group_free(&all);
}

/* x -> a x + b, one after the other: associative, not commutative, so the ranks must come in order. */
static void compose(void *from, void *into, int *count, MPI_Datatype *type)
{
    unsigned *f = from, *g = into;
    int i;

    QT_CHECK(*type == MPI_2INT, "type in the operation");
    for (i = 0; i < 2 * *count; i += 2) {
        g[i + 1] += g[i] * f[i + 1];
        g[i] *= f[i];
    }
}

/* An operation of the program is half entered, another use of it in flight. */
static void user_operation(struct side *s)
{
    unsigned mine[2] = {3 + s->rank, 5 + s->number + s->rank}, before[2], now[2],
             expected[2] = {1, 0}, i;
    MPI_Op op;
    MPI_Request r;

    MPI_Op_create(compose, 0, &op);
    MPI_Iallreduce(mine, before, 1, MPI_2INT, op, s->all, &r);
    enter(s);
    MPI_Allreduce(mine, now, 1, MPI_2INT, op, s->all);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    for (i = 0; i < (unsigned)s->size; i++) {
        expected[0] *= 3 + i;
        expected[1] = (3 + i) * expected[1] + 5 + (unsigned)s->number + i;
    }
    QT_CHECK(memcmp(now, expected, sizeof(now)) == 0, "%u %u", now[0], now[1]);
    QT_CHECK(memcmp(before, expected, sizeof(now)) == 0, "in flight: %u %u", before[0], before[1]);
    MPI_Op_free(&op);
}

const struct state product_collectives[] = {
    {"barrier-early", barrier, barrier, NULL},
    {"bcast-root-ahead", bcast_root_ahead, bcast_root_ahead, NULL},
    {"bcast-root-late", bcast_root_late, bcast_root_late, NULL},
    {"allreduce", allreduce, allreduce, NULL},
    {"reduce-leaf-ahead", reduce_leaf_ahead, reduce_leaf_ahead, NULL},
    {"alltoallv", alltoallv, alltoallv, NULL},
    {"iallreduce-some", iallreduce_some, iallreduce_some, NULL},
    {"iallreduce-all", iallreduce_all, iallreduce_all, NULL},
    {"dup-half", dup_half, dup_half, NULL},
    {"split-half", split_half, split_half, NULL},
    {"create-half", create_half, create_half, NULL},
    {"user-operation", user_operation, user_operation, NULL},
    {NULL, NULL, NULL, NULL},
};
