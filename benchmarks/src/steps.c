/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks that own MIB of random memory each and take steps together, a hundred a second or so. Rank 0 adds a line with the time
 * of day, in seconds, to FILE at each. Runs until it is killed. usage: steps MIB FILE
 */
#include "fill.h"

#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define STEP_MICROS 10000

/* Opened each time: a line that was written after the checkpoint stays. */
static void note_time(const char *path)
{
    struct timespec now;
    FILE *f = fopen(path, "a");

    if (f == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(f, "%lld.%06ld\n", (long long)now.tv_sec, now.tv_nsec / 1000);
    fclose(f);
}

int main(int argc, char **argv)
{
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    size_t bytes = (size_t)(argc > 2 ? atol(argv[1]) : 1) << 20;
    uint64_t *memory = malloc(bytes);
    if (memory == NULL || argc < 3)
        MPI_Abort(MPI_COMM_WORLD, 1);
    fill(memory, bytes / sizeof(*memory));
    for (uint64_t step = 0, sum;; step++) {
        uint64_t mine = memory[step % (bytes / sizeof(*memory))];

        MPI_Allreduce(&mine, &sum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        memory[step % (bytes / sizeof(*memory))] = sum;
        if (rank == 0)
            note_time(argv[2]);
        usleep(STEP_MICROS);
    }
}
