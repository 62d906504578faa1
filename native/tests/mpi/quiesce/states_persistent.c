/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: all persistent collectives, each three times: not started, started, and complete without having been waited for.
 * What they give is compared with the blocking collective of the same arguments.
 */
#include "states.h"

#include <mpi-ext.h>

enum { BLOCK = 8, MOST = 8, ALL = MOST * BLOCK, MODULUS = 10007 };
enum how { INACTIVE, ACTIVE, DONE, WAYS };

enum kind {
    BARRIER,
    BCAST,
    GATHER,
    GATHERV,
    SCATTER,
    SCATTERV,
    ALLGATHER,
    ALLGATHERV,
    ALLTOALL,
    ALLTOALLV,
    ALLTOALLW,
    IN_PLACE,
    REDUCE,
    ALLREDUCE,
    SCAN,
    EXSCAN,
    REDUCE_SCATTER,
    REDUCE_SCATTER_BLOCK,
    NEIGHBOR_ALLGATHER,
    NEIGHBOR_ALLGATHERV,
    NEIGHBOR_ALLTOALL,
    NEIGHBOR_ALLTOALLV,
    NEIGHBOR_ALLTOALLW,
    KINDS
};

struct job {
    MPI_Request request;
    enum kind kind;
    int in[ALL], out[ALL], want[ALL];
};

static struct job jobs[KINDS][WAYS];
static MPI_Comm ring;
static MPI_Datatype matrix, types[MOST];
static MPI_Op product;
static int counts[MOST], places[MOST], byte_places[MOST], halves[MOST], root;
static MPI_Aint addresses[MOST];
static __thread int calls;

/* The product of matrices does not commute; the function uses thread-local storage and the heap. */
static void multiply(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout, i;

    (void)type;
    free(malloc(100 + (size_t)(++calls % 7)));
    for (i = 0; i < *length; i++, a += 4, b += 4) {
        int c[4] = {a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2],
                    a[2] * b[1] + a[3] * b[3]};

        b[0] = c[0] % MODULUS, b[1] = c[1] % MODULUS, b[2] = c[2] % MODULUS, b[3] = c[3] % MODULUS;
    }
}

static void make_objects(void)
{
    int periodic = qt_size > 2, i; /* Open MPI confuses two neighbours that are the same rank */

    MPI_Cart_create(comm, 1, &qt_size, &periodic, 0, &ring);
    MPI_Type_contiguous(4, MPI_INT, &matrix);
    MPI_Type_commit(&matrix);
    MPI_Op_create(multiply, 0, &product);
    root = qt_size - 1;
    for (i = 0; i < MOST; i++) {
        counts[i] = BLOCK;
        halves[i] = 2;
        places[i] = (i < qt_size ? qt_size - 1 - i : 0) * BLOCK;
        byte_places[i] = places[i] * (int)sizeof(int);
        addresses[i] = i * (int)sizeof(int) * BLOCK;
        MPI_Type_vector(BLOCK / 2, 1, 2, MPI_INT, &types[i]);
        MPI_Type_commit(&types[i]);
    }
}

static void free_objects(void)
{
    int i;

    MPI_Op_free(&product);
    MPI_Type_free(&matrix);
    for (i = 0; i < MOST; i++)
        MPI_Type_free(&types[i]);
}

/* The persistent one if R is not NULL, else the blocking one. */
#define CALL(name, on, ...)                                                                        \
    (r != NULL ? MPIX_##name##_init(__VA_ARGS__, on, MPI_INFO_NULL, r)                             \
               : MPI_##name(__VA_ARGS__, on))

static int moving(enum kind kind, const int *in, int *out, MPI_Request *r)
{
    switch (kind) {
    case BCAST:
        return CALL(Bcast, comm, out, BLOCK, MPI_INT, root);
    case GATHER:
        return CALL(Gather, comm, in, BLOCK, MPI_INT, out, BLOCK, MPI_INT, root);
    case GATHERV:
        return CALL(Gatherv, comm, in, BLOCK, MPI_INT, out, counts, places, MPI_INT, root);
    case SCATTER:
        return CALL(Scatter, comm, in, BLOCK, MPI_INT, out, 2, matrix, root);
    case SCATTERV:
        return CALL(Scatterv, comm, in, counts, places, MPI_INT, out, BLOCK, MPI_INT, root);
    case ALLGATHER:
        return CALL(Allgather, comm, in, 2, matrix, out, BLOCK, MPI_INT);
    case ALLGATHERV:
        return CALL(Allgatherv, comm, in, BLOCK, MPI_INT, out, counts, places, MPI_INT);
    case ALLTOALL:
        return CALL(Alltoall, comm, in, BLOCK, MPI_INT, out, BLOCK, MPI_INT);
    case ALLTOALLV:
        return CALL(Alltoallv, comm, in, counts, places, MPI_INT, out, counts, places, MPI_INT);
    default:
        if (r == NULL)
            return MPI_Barrier(comm);
        return MPIX_Barrier_init(comm, MPI_INFO_NULL, r);
    }
}

static int reducing(enum kind kind, const int *in, int *out, MPI_Request *r)
{
    switch (kind) {
    case ALLTOALLW:
        return CALL(Alltoallw, comm, in, halves, byte_places, types, out, halves, byte_places,
                    types);
    case IN_PLACE:
        return CALL(Alltoallv, comm, MPI_IN_PLACE, NULL, NULL, MPI_DATATYPE_NULL, out, counts,
                    places, MPI_INT);
    case REDUCE:
        return CALL(Reduce, comm, in, out, 2, matrix, product, root);
    case ALLREDUCE:
        return CALL(Allreduce, comm, in, out, 2, matrix, product);
    case SCAN:
        return CALL(Scan, comm, in, out, 2, matrix, product);
    case EXSCAN:
        return CALL(Exscan, comm, in, out, 2, matrix, product);
    case REDUCE_SCATTER:
        return CALL(Reduce_scatter, comm, in, out, halves, matrix, product);
    default:
        return CALL(Reduce_scatter_block, comm, in, out, 2, matrix, product);
    }
}

static int neighbors(enum kind kind, const int *in, int *out, MPI_Request *r)
{
    switch (kind) {
    case NEIGHBOR_ALLGATHER:
        return CALL(Neighbor_allgather, ring, in, BLOCK, MPI_INT, out, BLOCK, MPI_INT);
    case NEIGHBOR_ALLGATHERV:
        return CALL(Neighbor_allgatherv, ring, in, BLOCK, MPI_INT, out, counts, places, MPI_INT);
    case NEIGHBOR_ALLTOALL:
        return CALL(Neighbor_alltoall, ring, in, BLOCK, MPI_INT, out, BLOCK, MPI_INT);
    case NEIGHBOR_ALLTOALLV:
        return CALL(Neighbor_alltoallv, ring, in, counts, places, MPI_INT, out, counts, places,
                    MPI_INT);
    default:
        return CALL(Neighbor_alltoallw, ring, in, halves, addresses, types, out, halves, addresses,
                    types);
    }
}

static void call(enum kind kind, const int *in, int *out, MPI_Request *r)
{
    if (kind <= ALLTOALLV)
        moving(kind, in, out, r);
    else if (kind < NEIGHBOR_ALLGATHER)
        reducing(kind, in, out, r);
    else
        neighbors(kind, in, out, r);
}

static void fill(struct job *j, int salt)
{
    int i;

    for (i = 0; i < ALL; i++) {
        j->in[i] = (qt_rank * 131 + j->kind * 17 + i * 7 + salt) % MODULUS;
        j->out[i] = j->want[i] = j->kind == BCAST || j->kind == IN_PLACE ? j->in[i] : -i;
    }
}

static void compare(struct job *j, int way, const char *when)
{
    call(j->kind, j->in, j->want, NULL);
    QT_CHECK(memcmp(j->out, j->want, sizeof(j->out)) == 0, "kind %d, way %d, %s", j->kind, way,
             when);
}

static void make_jobs(void)
{
    int kind, way;

    for (kind = 0; kind < KINDS; kind++)
        for (way = 0; way < WAYS; way++) {
            struct job *j = &jobs[kind][way];

            j->kind = (enum kind)kind;
            call(j->kind, j->in, j->out, &j->request);
            fill(j, way);
        }
}

/* The last way is complete, which only the library knows: nobody has waited for it. */
static void start_jobs(void)
{
    int kind, way, flag;

    for (kind = 0; kind < KINDS; kind++)
        for (way = ACTIVE; way <= DONE; way++)
            MPI_Start(&jobs[kind][way].request);
    for (kind = 0; kind < KINDS; kind++)
        for (flag = 0; !flag;)
            MPI_Request_get_status(jobs[kind][DONE].request, &flag, &status);
}

static void again(int salt)
{
    int kind, way;

    for (kind = KINDS - 1; kind >= 0; kind--) {
        MPI_Request three[WAYS];

        for (way = 0; way < WAYS; way++) {
            fill(&jobs[kind][way], salt + way);
            three[way] = jobs[kind][way].request;
        }
        MPI_Startall(WAYS, three);
        MPI_Waitall(WAYS, three, MPI_STATUSES_IGNORE);
        for (way = 0; way < WAYS; way++) {
            QT_CHECK(three[way] == jobs[kind][way].request, "handle");
            compare(&jobs[kind][way], way, "again");
        }
    }
}

static void free_jobs(void)
{
    int kind, way;

    for (kind = 0; kind < KINDS; kind++)
        for (way = 0; way < WAYS; way++)
            MPI_Request_free(&jobs[kind][way].request);
    MPI_Comm_free(&ring);
}

void persistent_collectives(void)
{
    int kind, way;
    int early = getenv("QUIESCE_TEST_DIR") != NULL; /* without Quiesce, Open MPI loses them then */

    make_objects();
    make_jobs();
    if (early)
        free_objects();
    start_jobs();
    late_before_a_collective();
    if (early)
        make_objects();
    for (kind = 0; kind < KINDS; kind++)
        for (way = ACTIVE; way <= DONE; way++) {
            MPI_Wait(&jobs[kind][way].request, &status);
            compare(&jobs[kind][way], way, "after the checkpoint");
        }
    again(100);
    again(200);
    free_jobs();
    free_objects();
}

/* Rank 0 has not even made the request when the others have started it. */
void persistent_some_started(void)
{
    struct job *j = &jobs[ALLREDUCE][0], *more = &jobs[BCAST][0];

    make_objects();
    j->kind = ALLREDUCE;
    more->kind = BCAST;
    fill(j, 0);
    if (qt_rank == 0)
        late_for_a_collective();
    call(j->kind, j->in, j->out, &j->request);
    MPI_Start(&j->request);
    MPI_Wait(&j->request, &status);
    compare(j, 0, "some had started");
    call(more->kind, more->in, more->out, &more->request);
    fill(more, 3);
    MPI_Start(&more->request);
    MPI_Wait(&more->request, &status);
    compare(more, 0, "made later");
    MPI_Start(&j->request);
    MPI_Wait(&j->request, &status);
    MPI_Request_free(&j->request);
    MPI_Request_free(&more->request);
    MPI_Comm_free(&ring);
    free_objects();
}
