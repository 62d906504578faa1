/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every blocking and non-blocking collective, user operations, topologies with neighbours,
 * persistent collectives.
 */
#include "stub_test.h"

#include <mpi-ext.h>

#define MOST 16

static void show(const char *label, const int *values, int count)
{
    char text[512];
    int at = 0;

    for (int i = 0; i < count; i++)
        at += snprintf(text + at, sizeof(text) - (size_t)at, " %d", values[i]);
    line("%s%s", label, count > 0 ? text : "");
}

/* Not commutative: 2x2 matrices. Checks that the type is the caller's handle. */
static MPI_Datatype matrix;
static void multiply(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout;

    if (*type != matrix)
        line("the operation got another type");
    for (int i = 0; i < *length; i++, a += 4, b += 4) {
        int r[4] = {a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2],
                    a[2] * b[1] + a[3] * b[3]};

        memcpy(b, r, sizeof(r));
    }
}

static void plus_errno(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout;

    (void)type;
    free(malloc(100)); /* thread-local caches of the application's libc */
    for (int i = 0; i < *length; i++)
        b[i] += a[i];
}

static void rooted(MPI_Comm comm)
{
    int all[MOST] = {0}, one = rank + 10, counts[MOST], at[MOST], mine[MOST], root = size - 1,
        got = -1;

    for (int i = 0; i < size; i++) {
        counts[i] = 1;
        at[i] = size - 1 - i;
        mine[i] = 100 * rank + i;
    }
    MPI_Gather(&one, 1, MPI_INT, all, 1, MPI_INT, root, comm);
    show("Gather", all, rank == root ? size : 0);
    MPI_Gatherv(&one, 1, MPI_INT, all, counts, at, MPI_INT, root, comm);
    show("Gatherv", all, rank == root ? size : 0);
    MPI_Scatter(mine, 1, MPI_INT, &got, 1, MPI_INT, root, comm);
    show("Scatter", &got, 1);
    MPI_Scatterv(mine, counts, at, MPI_INT, &got, 1, MPI_INT, root, comm);
    show("Scatterv", &got, 1);
    MPI_Bcast(mine, size, MPI_INT, 0, comm);
    show("Bcast", mine, size);
    MPI_Reduce(&one, &got, 1, MPI_INT, MPI_MAX, root, comm);
    show("Reduce", &got, rank == root);
}

static void all_to_all(MPI_Comm comm)
{
    int all[MOST] = {0}, mine[MOST], counts[MOST], at[MOST], bytes[MOST], one = rank * 3;
    MPI_Datatype types[MOST];

    for (int i = 0; i < size; i++) {
        mine[i] = 10 * rank + i;
        counts[i] = 1;
        at[i] = i;
        bytes[i] = i * (int)sizeof(int);
        types[i] = i % 2 == 0 ? MPI_INT : MPI_INT32_T;
    }
    MPI_Allgather(&one, 1, MPI_INT, all, 1, MPI_INT, comm);
    show("Allgather", all, size);
    MPI_Allgatherv(&one, 1, MPI_INT, all, counts, at, MPI_INT, comm);
    show("Allgatherv", all, size);
    MPI_Alltoall(mine, 1, MPI_INT, all, 1, MPI_INT, comm);
    show("Alltoall", all, size);
    MPI_Alltoallv(mine, counts, at, MPI_INT, all, counts, at, MPI_INT, comm);
    show("Alltoallv", all, size);
    MPI_Alltoallw(mine, counts, bytes, types, all, counts, bytes, types, comm);
    show("Alltoallw", all, size);
    MPI_Alltoallw(MPI_IN_PLACE, NULL, NULL, NULL, all, counts, bytes, types, comm);
    show("Alltoallw in place", all, size);
    MPI_Allreduce(MPI_IN_PLACE, &one, 1, MPI_INT, MPI_SUM, comm);
    show("Allreduce", &one, 1);
}

static void prefix(MPI_Comm comm)
{
    int one = rank + 1, got = 0, mine[MOST], counts[MOST];

    for (int i = 0; i < size; i++) {
        mine[i] = rank + i;
        counts[i] = 1;
    }
    MPI_Scan(&one, &got, 1, MPI_INT, MPI_SUM, comm);
    show("Scan", &got, 1);
    got = -1;
    MPI_Exscan(&one, &got, 1, MPI_INT, MPI_SUM, comm);
    show("Exscan", &got, rank > 0);
    MPI_Reduce_scatter(mine, &got, counts, MPI_INT, MPI_SUM, comm);
    show("Reduce_scatter", &got, 1);
    MPI_Reduce_scatter_block(mine, &got, 1, MPI_INT, MPI_SUM, comm);
    show("Reduce_scatter_block", &got, 1);
    got = 5;
    MPI_Reduce_local(&one, &got, 1, MPI_INT, MPI_PROD);
    show("Reduce_local", &got, 1);
}

static void user_operations(MPI_Comm comm)
{
    int m[4] = {1, rank + 1, 0, 1}, r[4] = {0}, one = rank, sum = 0, commutes = -1;
    MPI_Op op, other;
    MPI_Request request;

    MPI_Type_contiguous(4, MPI_INT, &matrix);
    MPI_Type_commit(&matrix);
    MPI_Op_create(multiply, 0, &op);
    MPI_Op_commutative(op, &commutes);
    MPI_Allreduce(m, r, 1, matrix, op, comm);
    line("product %d %d %d %d, commutes %d", r[0], r[1], r[2], r[3], commutes);
    MPI_Op_create(plus_errno, 1, &other);
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, other, comm, &request);
    MPI_Op_free(&other);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    line("Iallreduce with a freed operation %d, %d", sum, other == MPI_OP_NULL);
    for (int i = 0; i < 600; i++) {
        MPI_Op_create(plus_errno, 1, &other);
        MPI_Op_free(&other);
    }
    MPI_Op_free(&op);
    MPI_Type_free(&matrix);
}

static void nonblocking(MPI_Comm comm)
{
    int all[MOST] = {0}, more[MOST] = {0}, mine[MOST], counts[MOST], bytes[MOST], one = rank + 7,
        got = 0, open;
    MPI_Datatype types[MOST];
    MPI_Request r[8];

    for (int i = 0; i < size; i++) {
        mine[i] = 10 * rank + i;
        counts[i] = 1;
        bytes[i] = i * (int)sizeof(int);
        types[i] = MPI_INT;
    }
    MPI_Ibarrier(comm, &r[0]);
    MPI_Ibcast(&one, 1, MPI_INT, 0, comm, &r[1]);
    MPI_Iallgather(&rank, 1, MPI_INT, all, 1, MPI_INT, comm, &r[2]);
    MPI_Ialltoallw(mine, counts, bytes, types, more, counts, bytes, types, comm, &r[3]);
    memset(types, 0, sizeof(types));
    MPI_Ireduce(&rank, &got, 1, MPI_INT, MPI_SUM, 0, comm, &r[4]);
    MPI_Waitall(5, r, MPI_STATUSES_IGNORE);
    open = 0;
    for (int i = 0; i < 5; i++)
        open += r[i] != MPI_REQUEST_NULL;
    show("Ibcast", &one, 1);
    show("Iallgather", all, size);
    show("Ialltoallw", more, size);
    show("Ireduce", &got, rank == 0);
    show("open requests", &open, 1);
}

static void neighbours(MPI_Comm comm)
{
    int dims[2] = {0, 0}, periods[2] = {1, 0}, coords[2], left, right, in[8], rank_in_cart, kind,
        me;
    int from[1] = {(rank + size - 1) % size}, to[1] = {(rank + 1) % size}, counts[8];
    MPI_Aint at[8];
    MPI_Datatype types[8];
    MPI_Comm cart, row, graph;

    for (int i = 0; i < 8; i++) {
        in[i] = -1;
        counts[i] = 1;
        at[i] = i * (MPI_Aint)sizeof(int);
        types[i] = MPI_INT;
    }
    MPI_Dims_create(size, 2, dims);
    MPI_Cart_create(comm, 2, dims, periods, 0, &cart);
    MPI_Comm_rank(cart, &rank_in_cart);
    MPI_Cart_coords(cart, rank_in_cart, 2, coords);
    MPI_Cart_shift(cart, 0, 1, &left, &right);
    MPI_Topo_test(cart, &kind);
    line("cart %dx%d at %d,%d: %d %d kind %d", dims[0], dims[1], coords[0], coords[1], left, right,
         kind == MPI_CART);
    MPI_Neighbor_allgather(&rank, 1, MPI_INT, in, 1, MPI_INT, cart);
    show("Neighbor_allgather", in, 4);
    MPI_Cart_sub(cart, (int[]){1, 0}, &row);
    MPI_Comm_size(row, &kind);
    show("Cart_sub", &kind, 1);
    MPI_Dist_graph_create_adjacent(comm, 1, from, MPI_UNWEIGHTED, 1, to, MPI_UNWEIGHTED,
                                   MPI_INFO_NULL, 0, &graph);
    me = rank + 50;
    MPI_Neighbor_alltoallw(&me, counts, at, types, in, counts, at, types, graph);
    show("Neighbor_alltoallw", in, 1);
    MPI_Comm_free(&graph);
    MPI_Comm_free(&row);
    MPI_Comm_free(&cart);
}

static void persistent(MPI_Comm comm)
{
    int value = rank + 1, sum = 0;
    MPI_Request r;

    MPIX_Allreduce_init(&value, &sum, 1, MPI_INT, MPI_SUM, comm, MPI_INFO_NULL, &r);
    for (int i = 0; i < 3; i++) {
        value += i;
        MPI_Start(&r);
        MPI_Wait(&r, MPI_STATUS_IGNORE);
        show("MPIX_Allreduce_init", &sum, 1);
    }
    MPI_Request_free(&r);
}

int main(int argc, char **argv)
{
    MPI_Comm comm;

    begin(&argc, &argv);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    rooted(comm);
    all_to_all(comm);
    prefix(comm);
    user_operations(comm);
    nonblocking(comm);
    neighbours(comm);
    persistent(comm);
    MPI_Barrier(comm);
    MPI_Comm_free(&comm);
    line("freed %d", comm == MPI_COMM_NULL);
    MPI_Finalize();
    return 0;
}
