/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-way time of a ping-pong and the time of an Allreduce between 2 ranks, minimum and median over batches.
 * usage: pingpong BATCHES CALLS ; prints "pingpong8 MIN MEDIAN", "pingpong1M ...", "allreduce8 ..." in ns.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG (1 << 20)

static char *buffer;

static void ping_pong(int rank, int bytes)
{
    if (rank == 0) {
        MPI_Send(buffer, bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(buffer, bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(buffer, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(buffer, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    }
}

static void small_ping_pong(int rank)
{
    ping_pong(rank, 8);
}

static void big_ping_pong(int rank)
{
    ping_pong(rank, BIG);
}

static void all_reduce(int rank)
{
    double in = rank, out;

    MPI_Allreduce(&in, &out, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(int), int halves, int batches, int calls)
{
    double *ns = malloc((size_t)batches * sizeof(*ns));
    int rank;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int b = 0; b < batches; b++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        for (int i = 0; i < calls; i++)
            call(rank);
        ns[b] = (MPI_Wtime() - start) * 1e9 / calls / halves;
    }
    qsort(ns, (size_t)batches, sizeof(*ns), by_value);
    if (rank == 0)
        printf("%s %.1f %.1f\n", name, ns[0], ns[batches / 2]);
    free(ns);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int batches = argc > 1 ? atoi(argv[1]) : 50;
    int calls = argc > 2 ? atoi(argv[2]) : 2000;
    buffer = calloc(1, BIG);
    measure("pingpong8", small_ping_pong, 2, batches, calls);
    measure("pingpong1M", big_ping_pong, 2, batches, calls / 100 + 1);
    measure("allreduce8", all_reduce, 1, batches, calls);
    free(buffer);
    MPI_Finalize();
    return 0;
}
