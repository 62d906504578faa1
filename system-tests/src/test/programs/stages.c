/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes in stages, and at the end of each waits until the file DIRECTORY/N is there, in collectives all the time: what is
 * done to it can be done in the middle of it, however fast the machine is. usage: stages DIRECTORY STAGES
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdUL;
    return value ^ (value >> 29);
}

static uint64_t compute(uint64_t value, int rank, int steps)
{
    for (int i = 0; i < steps; i++) {
        uint64_t sum;

        value = mix(value + (uint64_t)rank);
        MPI_Allreduce(&value, &sum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        value = mix(sum + (uint64_t)rank);
    }
    return value;
}

static void wait_for_file(const char *directory, int stage, int rank)
{
    char path[4096];
    int there = 0;

    snprintf(path, sizeof(path), "%s/%d", directory, stage);
    while (!there) {
        usleep(10000);
        if (rank == 0)
            there = access(path, F_OK) == 0;
        MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
}

int main(int argc, char **argv)
{
    uint64_t value = 1, sum;
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int stage = 0; stage < atoi(argv[2]); stage++) {
        value = compute(value, rank, 200);
        if (rank == 0) {
            printf("stage %d\n", stage);
            fflush(stdout);
        }
        wait_for_file(argv[1], stage, rank);
    }
    MPI_Reduce(&value, &sum, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("result %016lx\n", (unsigned long)sum);
    MPI_Finalize();
    return 0;
}
