/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times of MPI calls between 2 ranks: ping-pong one way, streams of messages, collectives, waiting for many requests, and calls
 * that go nowhere. usage: calls BATCHES CALLS ; prints "NAME MIN MEDIAN" in ns, over batches of CALLS calls or fewer
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB (1UL << 10)
#define MIB (1UL << 20)
#define LARGEST (4 * MIB)
#define REQUESTS 1000
#define WINDOW 64
#define ROOM (32 * MIB)
#define LONGEST 0.3

static char *here, *there; /* sent from, received into */
static MPI_Request requests[REQUESTS];

static void ping_pong(int rank, size_t bytes)
{
    int n = (int)bytes;

    if (rank == 0) {
        MPI_Send(here, n, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(there, n, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(there, n, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(here, n, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    }
}

/* How many messages of BYTES are under way at once. */
static int window_of(size_t bytes)
{
    return bytes * WINDOW > ROOM ? (int)(ROOM / bytes) : WINDOW;
}

/* A window of messages to rank 1, which then answers. */
static void stream(int rank, size_t bytes)
{
    int window = window_of(bytes);
    char answer = 0;

    for (int i = 0; i < window; i++) {
        if (rank == 0)
            MPI_Isend(here + (size_t)i * bytes, (int)bytes, MPI_BYTE, 1, 1, MPI_COMM_WORLD,
                      &requests[i]);
        else
            MPI_Irecv(there + (size_t)i * bytes, (int)bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD,
                      &requests[i]);
    }
    MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
    if (rank == 0)
        MPI_Recv(&answer, 1, MPI_BYTE, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    else
        MPI_Send(&answer, 1, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
}

/* Half of them receives, half of them sends. */
static void wait_all(int rank, size_t bytes)
{
    int n = (int)bytes;

    for (int i = 0; i < REQUESTS / 2; i++)
        MPI_Irecv(there + (size_t)i * bytes, n, MPI_BYTE, 1 - rank, 3, MPI_COMM_WORLD,
                  &requests[i]);
    for (int i = REQUESTS / 2; i < REQUESTS; i++)
        MPI_Isend(here + (size_t)i * bytes, n, MPI_BYTE, 1 - rank, 3, MPI_COMM_WORLD, &requests[i]);
    MPI_Waitall(REQUESTS, requests, MPI_STATUSES_IGNORE);
}

static void all_reduce(int rank, size_t bytes)
{
    (void)rank;
    MPI_Allreduce(here, there, (int)(bytes / sizeof(double)), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

/* From each rank in turn: from one alone would be a stream. */
static void broadcast(int rank, size_t bytes)
{
    (void)rank;
    MPI_Bcast(here, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
    MPI_Bcast(here, (int)bytes, MPI_BYTE, 1, MPI_COMM_WORLD);
}

static void all_to_all(int rank, size_t bytes)
{
    (void)rank;
    MPI_Alltoall(here, (int)bytes, MPI_BYTE, there, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}

static void barrier(int rank, size_t bytes)
{
    (void)rank;
    (void)bytes;
    MPI_Barrier(MPI_COMM_WORLD);
}

static void comm_rank(int rank, size_t bytes)
{
    (void)bytes;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
}

static void type_size(int rank, size_t bytes)
{
    int size = rank;

    (void)bytes;
    MPI_Type_size(MPI_DOUBLE, &size);
}

static void test_nothing(int rank, size_t bytes)
{
    MPI_Request none = MPI_REQUEST_NULL;
    int flag = rank;

    (void)bytes;
    MPI_Test(&none, &flag, MPI_STATUS_IGNORE);
}

static void probe_nothing(int rank, size_t bytes)
{
    int flag = rank;

    (void)bytes;
    MPI_Iprobe(MPI_ANY_SOURCE, 99, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
}

static void send_nowhere(int rank, size_t bytes)
{
    (void)rank;
    MPI_Send(here, (int)bytes, MPI_BYTE, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
}

static void read_clock(int rank, size_t bytes)
{
    volatile double now = MPI_Wtime();

    (void)now;
    (void)rank;
    (void)bytes;
}

struct measure {
    const char *name;
    void (*call)(int rank, size_t bytes);
    size_t bytes;
    int weight; /* so many times fewer calls than of the cheapest ones */
    int parts;  /* the time of a call is divided by this */
};

static const struct measure measures[] = {
    {"pingpong-8", ping_pong, 8, 1, 2},
    {"pingpong-64", ping_pong, 64, 1, 2},
    {"pingpong-512", ping_pong, 512, 1, 2},
    {"pingpong-4K", ping_pong, 4 * KIB, 2, 2},
    {"pingpong-32K", ping_pong, 32 * KIB, 20, 2},
    {"pingpong-256K", ping_pong, 256 * KIB, 60, 2},
    {"pingpong-1M", ping_pong, MIB, 200, 2},
    {"pingpong-4M", ping_pong, 4 * MIB, 800, 2},
    {"stream-8", stream, 8, 30, WINDOW},
    {"stream-512", stream, 512, 30, WINDOW},
    {"stream-4K", stream, 4 * KIB, 60, WINDOW},
    {"stream-64K", stream, 64 * KIB, 500, WINDOW},
    {"stream-1M", stream, MIB, 2000, ROOM / MIB},
    {"stream-4M", stream, 4 * MIB, 2000, ROOM / (4 * MIB)},
    {"waitall-1000", wait_all, 8, 500, 1},
    {"barrier", barrier, 0, 1, 1},
    {"allreduce-8", all_reduce, 8, 1, 1},
    {"allreduce-64K", all_reduce, 64 * KIB, 50, 1},
    {"bcast-8", broadcast, 8, 1, 2},
    {"bcast-64K", broadcast, 64 * KIB, 50, 2},
    {"alltoall-8", all_to_all, 8, 1, 1},
    {"alltoall-64K", all_to_all, 64 * KIB, 50, 1},
    {"comm_rank", comm_rank, 0, 1, 1},
    {"type_size", type_size, 0, 1, 1},
    {"test-null", test_nothing, 0, 1, 1},
    {"iprobe", probe_nothing, 0, 1, 1},
    {"send-null", send_nowhere, 8, 1, 1},
    {"wtime", read_clock, 0, 1, 1},
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Rank 0 says whether there is another batch: at most BATCHES, and none after LONGEST seconds. */
static int another(int batch, int batches, double start)
{
    int more = batch < batches && MPI_Wtime() - start < LONGEST;

    MPI_Bcast(&more, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Barrier(MPI_COMM_WORLD);
    return more;
}

/* Prints "NAME MIN MEDIAN", in ns. */
static void run_measure(const struct measure *m, int batches, int calls)
{
    double *ns = malloc((size_t)batches * sizeof(*ns)), begun = MPI_Wtime();
    int rank, b, count = calls / m->weight + 1;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (b = 0; another(b, batches, begun); b++) {
        double start = MPI_Wtime();
        for (int i = 0; i < count; i++)
            m->call(rank, m->bytes);
        ns[b] = (MPI_Wtime() - start) * 1e9 / count / m->parts;
    }
    qsort(ns, (size_t)b, sizeof(*ns), by_value);
    if (rank == 0)
        printf("%s %.2f %.2f\n", m->name, ns[0], ns[b / 2]);
    free(ns);
}

int main(int argc, char **argv)
{
    int batches = argc > 1 ? atoi(argv[1]) : 30;
    int calls = argc > 2 ? atoi(argv[2]) : 1000;

    MPI_Init(&argc, &argv);
    here = calloc(1, ROOM);
    there = calloc(1, ROOM);
    memset(here, 0, ROOM); /* touched, so that no page comes into being while it is timed */
    memset(there, 0, ROOM);
    for (size_t i = 0; i < sizeof(measures) / sizeof(*measures); i++)
        run_measure(&measures[i], batches, calls);
    free(here);
    free(there);
    MPI_Finalize();
    return 0;
}
