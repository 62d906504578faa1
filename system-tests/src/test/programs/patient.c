/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of all sizes around a ring, and sums over all ranks, which decide what is sent next. Until there is a file named
 * "hurry" it takes its time over each step, the same over a fast transport as over a slow one, and says again and again where
 * it is, but does not go beyond three quarters of the steps: what is to be done to it in the middle is done there, however slow
 * the machine is.
 *
 * usage: patient STEPS MILLISECONDS-PER-STEP
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 65536, EVERY = 10 };

static uint64_t in[MOST], out[MOST];

static uint64_t mix(uint64_t value)
{
    value ^= value >> 31;
    value *= 0x9e3779b97f4a7c15UL;
    return value ^ value >> 27;
}

/* Eager and rendezvous, as the seed says: from nothing to 512 KiB. */
static int count_of(uint64_t seed)
{
    return (int)(mix(seed) >> 40) % (1 << mix(seed + 1) % 17);
}

static uint64_t step(uint64_t seed, int rank, int size)
{
    int right = (rank + 1) % size;
    int left = (rank + size - 1) % size;
    int count = count_of(seed + (uint64_t)rank);
    MPI_Request request;
    MPI_Status status;
    uint64_t own = mix(seed + (uint64_t)rank);
    uint64_t all;
    int got;

    for (int i = 0; i < count; i++)
        out[i] = own = mix(own + (uint64_t)i);
    MPI_Isend(out, count, MPI_UINT64_T, right, 7, MPI_COMM_WORLD, &request);
    MPI_Recv(in, MOST, MPI_UINT64_T, MPI_ANY_SOURCE, 7, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_UINT64_T, &got);
    if (got != count_of(seed + (uint64_t)left) || status.MPI_SOURCE != left) {
        fprintf(stderr, "rank %d got %d numbers from rank %d\n", rank, got, status.MPI_SOURCE);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int i = 0; i < got; i++)
        own = mix(own ^ in[i]);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Allreduce(&own, &all, 1, MPI_UINT64_T, MPI_BXOR, MPI_COMM_WORLD);
    return mix(seed ^ all);
}

static void say(int rank, int step)
{
    if (rank != 0)
        return;
    printf("step %d\n", step);
    fflush(stdout);
}

static void be_patient(int rank, int step, int steps, useconds_t pause)
{
    while (access("hurry", F_OK) != 0) {
        usleep(pause);
        if (step != steps / 4 * 3)
            return;
        say(rank, step);
    }
}

int main(int argc, char **argv)
{
    int steps = argc > 2 ? atoi(argv[1]) : 0;
    useconds_t pause = argc > 2 ? (useconds_t)atoi(argv[2]) * 1000 : 0;
    uint64_t seed = 1;
    int rank, size;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int i = 1; i <= steps; i++) {
        seed = step(seed, rank, size);
        if (i % EVERY == 0)
            say(rank, i);
        if (pause > 0)
            be_patient(rank, i, steps, pause);
    }
    if (rank == 0)
        printf("checksum %016llx\n", (unsigned long long)seed);
    MPI_Finalize();
    return 0;
}
