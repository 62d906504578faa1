/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every collective: blocking, non-blocking and persistent. */
#include "cover.h"

enum { MOST = 8, KINDS = 22 };

/* One collective's buffers. The same call is made in three ways. */
struct buffers {
    int in[2 * MOST], out[2 * MOST], counts[MOST], at[MOST], bytes[MOST];
    MPI_Aint wide[MOST];
    MPI_Datatype types[MOST];
};

enum how { BLOCKING, NOW, PERSISTENT };

static MPI_Comm comm, ring;
static struct buffers buffers[PASSES][3][KINDS];
static MPI_Request requests[PASSES][KINDS];

#define CALL(name, iname, ...)                                                                     \
    (how == BLOCKING ? MPI_##name(__VA_ARGS__)                                                     \
     : how == NOW    ? MPI_I##iname(__VA_ARGS__, r)                                                \
                     : MPIX_##name##_init(__VA_ARGS__, MPI_INFO_NULL, r))

static void fill(struct buffers *b, int salt)
{
    for (int i = 0; i < MOST; i++) {
        b->out[i] = salt + 10 * rank + i;
        b->in[i] = -1;
        b->counts[i] = 1;
        b->at[i] = i;
        b->bytes[i] = i * (int)sizeof(int);
        b->wide[i] = b->bytes[i];
        b->types[i] = MPI_INT;
    }
}

static void rooted(struct buffers *b, enum how how, int kind, MPI_Request *r)
{
    switch (kind) {
    case 0:
        CALL(Bcast, bcast, rank == 0 ? b->out : b->in, 2, MPI_INT, 0, comm);
        break;
    case 1:
        CALL(Gather, gather, b->out, 1, MPI_INT, b->in, 1, MPI_INT, LATE, comm);
        break;
    case 2:
        CALL(Gatherv, gatherv, b->out, 1, MPI_INT, b->in, b->counts, b->at, MPI_INT, LATE, comm);
        break;
    case 3:
        CALL(Scatter, scatter, b->out, 1, MPI_INT, b->in, 1, MPI_INT, 0, comm);
        break;
    case 4:
        CALL(Scatterv, scatterv, b->out, b->counts, b->at, MPI_INT, b->in, 1, MPI_INT, 0, comm);
        break;
    default:
        CALL(Reduce, reduce, b->out, b->in, 2, MPI_INT, MPI_SUM, LATE, comm);
    }
}

static void reducing(struct buffers *b, enum how how, int kind, MPI_Request *r)
{
    switch (kind) {
    case 6:
        CALL(Allreduce, allreduce, b->out, b->in, 2, MPI_INT, MPI_SUM, comm);
        break;
    case 7:
        CALL(Scan, scan, b->out, b->in, 2, MPI_INT, MPI_SUM, comm);
        break;
    case 8:
        CALL(Exscan, exscan, b->out, b->in, 2, MPI_INT, MPI_SUM, comm);
        break;
    case 9:
        CALL(Reduce_scatter, reduce_scatter, b->out, b->in, b->counts, MPI_INT, MPI_SUM, comm);
        break;
    default:
        CALL(Reduce_scatter_block, reduce_scatter_block, b->out, b->in, 1, MPI_INT, MPI_SUM, comm);
    }
}

static void moving(struct buffers *b, enum how how, int kind, MPI_Request *r)
{
    switch (kind) {
    case 11:
        CALL(Allgather, allgather, b->out, 1, MPI_INT, b->in, 1, MPI_INT, comm);
        break;
    case 12:
        CALL(Allgatherv, allgatherv, b->out, 1, MPI_INT, b->in, b->counts, b->at, MPI_INT, comm);
        break;
    case 13:
        CALL(Alltoall, alltoall, b->out, 1, MPI_INT, b->in, 1, MPI_INT, comm);
        break;
    case 14:
        CALL(Alltoallv, alltoallv, b->out, b->counts, b->at, MPI_INT, b->in, b->counts, b->at,
             MPI_INT, comm);
        break;
    case 15:
        CALL(Alltoallw, alltoallw, b->out, b->counts, b->bytes, b->types, b->in, b->counts,
             b->bytes, b->types, comm);
        break;
    default:
        CALL(Barrier, barrier, comm);
    }
}

static void neighbours(struct buffers *b, enum how how, int kind, MPI_Request *r)
{
    switch (kind) {
    case 17:
        CALL(Neighbor_allgather, neighbor_allgather, b->out, 1, MPI_INT, b->in, 1, MPI_INT, ring);
        break;
    case 18:
        CALL(Neighbor_allgatherv, neighbor_allgatherv, b->out, 1, MPI_INT, b->in, b->counts, b->at,
             MPI_INT, ring);
        break;
    case 19:
        CALL(Neighbor_alltoall, neighbor_alltoall, b->out, 1, MPI_INT, b->in, 1, MPI_INT, ring);
        break;
    case 20:
        CALL(Neighbor_alltoallv, neighbor_alltoallv, b->out, b->counts, b->at, MPI_INT, b->in,
             b->counts, b->at, MPI_INT, ring);
        break;
    default:
        CALL(Neighbor_alltoallw, neighbor_alltoallw, b->out, b->counts, b->wide, b->types, b->in,
             b->counts, b->wide, b->types, ring);
    }
}

static void call(struct buffers *b, enum how how, int kind, MPI_Request *r)
{
    if (kind < 6)
        rooted(b, how, kind, r);
    else if (kind < 11)
        reducing(b, how, kind, r);
    else if (kind < 17)
        moving(b, how, kind, r);
    else
        neighbours(b, how, kind, r);
}

static void report(const struct buffers *b, const char *how, int kind)
{
    char label[40];

    snprintf(label, sizeof(label), "%s %d", how, kind);
    show(label, b->in, size);
}

/* With the requests of both passes. */
static void start_persistent(int passes)
{
    for (int p = 0; p <= passes; p++) {
        for (int kind = 0; kind < KINDS; kind++)
            fill(&buffers[p][PERSISTENT][kind], 1000 * passes + kind);
        MPI_Startall(KINDS, requests[p]);
        MPI_Waitall(KINDS, requests[p], MPI_STATUSES_IGNORE);
        for (int kind = 0; kind < KINDS; kind++)
            report(&buffers[p][PERSISTENT][kind], "persistent", kind);
    }
}

static void pass(int p)
{
    static MPI_Request now[KINDS];

    if (p == 0) {
        MPI_Comm_dup(MPI_COMM_WORLD, &comm);
        MPI_Cart_create(comm, 1, &size, (int[]){1}, 0, &ring);
    } else {
        MPI_Waitall(KINDS, now, MPI_STATUSES_IGNORE);
        for (int kind = 0; kind < KINDS; kind++)
            report(&buffers[0][NOW][kind], "begun before", kind);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        for (int how = BLOCKING; how <= PERSISTENT; how++)
            fill(&buffers[p][how][kind], p * 100 + kind);
        call(&buffers[p][BLOCKING][kind], BLOCKING, kind, NULL);
        MPI_Barrier(comm); /* nobody is more than this ahead of rank 0 */
        report(&buffers[p][BLOCKING][kind], "blocking", kind);
        call(&buffers[p][PERSISTENT][kind], PERSISTENT, kind, &requests[p][kind]);
    }
    for (int kind = 0; kind < KINDS; kind++)
        call(&buffers[p][NOW][kind], NOW, kind, &now[kind]);
    start_persistent(p);
    if (p == 0)
        return;
    MPI_Waitall(KINDS, now, MPI_STATUSES_IGNORE);
    for (int kind = 0; kind < KINDS; kind++)
        report(&buffers[p][NOW][kind], "now", kind);
    for (int kind = 0; kind < KINDS; kind++)
        for (p = 0; p < PASSES; p++)
            MPI_Request_free(&requests[p][kind]);
    MPI_Comm_free(&ring);
    MPI_Comm_free(&comm);
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
