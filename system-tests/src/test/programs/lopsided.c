/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Half of the ranks compute for seconds while the others wait for them, in a collective or in a receive.
 * usage: lopsided collective|receive STEPS MS ; the computing half changes from step to step. Ends with a checksum.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Computes for MS of processor time; the result does not depend on how fast the machine is. */
static uint64_t compute(uint64_t seed, long ms)
{
    int64_t end = cpu_ns() + ms * 1000000;
    volatile uint64_t waste = seed;

    while (cpu_ns() < end) {
        for (int i = 0; i < 1000; i++)
            waste = waste * 6364136223846793005ULL + 1442695040888963407ULL;
    }
    return seed * 6364136223846793005ULL + 1442695040888963407ULL;
}

static uint64_t wait_in_collective(uint64_t value)
{
    uint64_t sum = 0;

    MPI_Allreduce(&value, &sum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    return sum;
}

static uint64_t wait_in_receive(uint64_t value, int rank, int size, int late)
{
    uint64_t got = 0;
    int partner = rank ^ 1;

    if (partner >= size)
        return value;
    if (late) {
        MPI_Send(&value, 1, MPI_UINT64_T, partner, 7, MPI_COMM_WORLD);
        MPI_Recv(&got, 1, MPI_UINT64_T, partner, 8, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(&got, 1, MPI_UINT64_T, MPI_ANY_SOURCE, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(&value, 1, MPI_UINT64_T, partner, 8, MPI_COMM_WORLD);
    }
    return value + 3 * got;
}

int main(int argc, char **argv)
{
    int rank, size, in_receive;
    uint64_t value, sum = 0;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc != 4) {
        fprintf(stderr, "usage: lopsided collective|receive STEPS MS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    in_receive = strcmp(argv[1], "receive") == 0;
    value = (uint64_t)rank + 1;
    for (int step = 1; step <= atoi(argv[2]); step++) {
        int late = (rank + step) % 2;
        if (rank == 0) {
            printf("step %d\n", step);
            fflush(stdout);
        }
        if (late)
            value = compute(value, atol(argv[3]));
        value = in_receive ? wait_in_receive(value, rank, size, late)
                           : wait_in_collective(value) + (uint64_t)rank;
    }
    MPI_Reduce(&value, &sum, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("checksum %016llx\n", (unsigned long long)sum);
    MPI_Finalize();
    return 0;
}
