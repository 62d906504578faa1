/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks that own MIB of random memory each, exchange a token all the time, and watch the clock. Rank 0 prints "ready", and after
 * each line that appears in FILE the longest gap in ms that any rank saw since the line before; runs until it is killed.
 * usage: ranks MIB FILE
 */
#include "fill.h"

#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int lines_in(const char *path)
{
    FILE *f = fopen(path, "r");
    int lines = 0, c;

    while (f != NULL && (c = fgetc(f)) != EOF)
        lines += c == '\n';
    if (f != NULL)
        fclose(f);
    return lines;
}

int main(int argc, char **argv)
{
    int rank, size, seen = 0, now_lines = 0;
    double longest = 0, worst, last;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    size_t bytes = (size_t)(argc > 1 ? atol(argv[1]) : 1) << 20;
    uint64_t *memory = malloc(bytes);
    fill(memory, bytes / sizeof(*memory));
    if (rank == 0) {
        printf("ready\n");
        fflush(stdout);
    }
    last = MPI_Wtime();
    for (long turn = 0;; turn++) {
        char token = 1;
        MPI_Sendrecv_replace(&token, 1, MPI_CHAR, (rank + 1) % size, 0, (rank + size - 1) % size, 0,
                             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        double now = MPI_Wtime();
        longest = now - last > longest ? now - last : longest;
        last = now;
        if (turn % 4096 != 0)
            continue;
        if (rank == 0)
            now_lines = lines_in(argv[2]);
        MPI_Bcast(&now_lines, 1, MPI_INT, 0, MPI_COMM_WORLD);
        if (now_lines == seen)
            continue;
        seen = now_lines;
        MPI_Reduce(&longest, &worst, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
        if (rank == 0) {
            printf("%.3f\n", worst * 1e3);
            fflush(stdout);
        }
        longest = 0;
        last = MPI_Wtime();
    }
}
