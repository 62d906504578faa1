/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks that do nothing but exchange messages with both neighbours in a ring, or reduce, until they are killed. Rank 0 prints, ten
 * times a second, the longest step since the line before, in ms. usage: busy halo|allreduce
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 1024

static double out[2][WIDTH], in[2][WIDTH];

static void halo(int rank, int size)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size;
    MPI_Request requests[4];

    MPI_Irecv(in[0], WIDTH, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, &requests[0]);
    MPI_Irecv(in[1], WIDTH, MPI_DOUBLE, right, 2, MPI_COMM_WORLD, &requests[1]);
    MPI_Isend(out[0], WIDTH, MPI_DOUBLE, left, 2, MPI_COMM_WORLD, &requests[2]);
    MPI_Isend(out[1], WIDTH, MPI_DOUBLE, right, 1, MPI_COMM_WORLD, &requests[3]);
    MPI_Waitall(4, requests, MPI_STATUSES_IGNORE);
}

static void all_reduce(int rank, int size)
{
    (void)rank;
    (void)size;
    MPI_Allreduce(out[0], in[0], 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    void (*step)(int, int) = argc > 1 && strcmp(argv[1], "halo") == 0 ? halo : all_reduce;
    double last, printed, longest = 0;
    int rank, size;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    printed = last = MPI_Wtime();
    for (;;) {
        step(rank, size);
        double now = MPI_Wtime();
        longest = now - last > longest ? now - last : longest;
        last = now;
        if (rank != 0 || now - printed < 0.1)
            continue;
        printf("%.4f\n", longest * 1e3);
        fflush(stdout);
        longest = 0;
        printed = now;
    }
}
