/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jacobi iteration for the heat equation on an N x N plate, cut into strips of rows: halo exchange by Isend/Irecv, the
 * residual by Allreduce, at the end a checksum over the bits of the whole plate. Knows nothing of checkpoints.
 *
 * usage: heat N STEPS [REPORT_EVERY]
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct strip {
    int n;         /* columns of the plate */
    int rows;      /* rows of this rank, without the two halo rows */
    int first_row; /* of the plate */
    int up, down;  /* neighbour ranks, or MPI_PROC_NULL */
    double *now;   /* (rows + 2) * n, row 0 and row rows + 1 are halos */
    double *next;
};

static void strip_create(struct strip *s, int n, int rank, int size)
{
    size_t cells;

    s->n = n;
    s->rows = n / size + (rank < n % size);
    s->first_row = rank * (n / size) + (rank < n % size ? rank : n % size);
    s->up = rank > 0 ? rank - 1 : MPI_PROC_NULL;
    s->down = rank < size - 1 ? rank + 1 : MPI_PROC_NULL;
    cells = (size_t)(s->rows + 2) * (size_t)n;
    s->now = calloc(cells, sizeof(double));
    s->next = calloc(cells, sizeof(double));
    if (s->now == NULL || s->next == NULL) {
        fprintf(stderr, "heat: no memory for %zu cells; choose a smaller N\n", cells);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int i = 0; i < s->rows; i++) {
        /* the left edge is hot */
        s->now[(size_t)(i + 1) * (size_t)n] = 100.0;
        s->next[(size_t)(i + 1) * (size_t)n] = 100.0;
    }
}

static void exchange_halos(struct strip *s)
{
    MPI_Request requests[4];
    size_t n = (size_t)s->n;
    size_t last = (size_t)s->rows;

    MPI_Irecv(s->now, s->n, MPI_DOUBLE, s->up, 1, MPI_COMM_WORLD, &requests[0]);
    MPI_Irecv(s->now + (last + 1) * n, s->n, MPI_DOUBLE, s->down, 2, MPI_COMM_WORLD, &requests[1]);
    MPI_Isend(s->now + n, s->n, MPI_DOUBLE, s->up, 2, MPI_COMM_WORLD, &requests[2]);
    MPI_Isend(s->now + last * n, s->n, MPI_DOUBLE, s->down, 1, MPI_COMM_WORLD, &requests[3]);
    MPI_Waitall(4, requests, MPI_STATUSES_IGNORE);
}

/* One Jacobi step; returns the sum of squared changes in this strip. */
static double relax(struct strip *s)
{
    size_t n = (size_t)s->n;
    double change = 0;

    for (int i = 1; i <= s->rows; i++) {
        int row = s->first_row + i - 1;
        if (row == 0 || row == s->n - 1)
            continue;
        for (size_t j = 1; j + 1 < n; j++) {
            const double *c = s->now + (size_t)i * n + j;
            double value = 0.25 * (c[-1] + c[1] + c[-(ptrdiff_t)n] + c[n]);
            change += (value - *c) * (value - *c);
            s->next[(size_t)i * n + j] = value;
        }
    }
    return change;
}

/* FNV-1a over the bits of this strip, combined over all ranks in their order. */
static uint64_t checksum(const struct strip *s, int rank, int size)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    const unsigned char *at = (const unsigned char *)(s->now + s->n);
    size_t bytes = (size_t)s->rows * (size_t)s->n * sizeof(double);
    uint64_t *all = malloc((size_t)size * sizeof(*all));
    uint64_t total = 0;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3ULL;
    if (all == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Gather(&hash, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    for (int i = 0; rank == 0 && i < size; i++)
        total = (total ^ all[i]) * 0x100000001b3ULL;
    free(all);
    return total;
}

int main(int argc, char **argv)
{
    struct strip s;
    int rank, size, n, steps, every;
    double residual = 0;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    n = argc > 1 ? atoi(argv[1]) : 0;
    steps = argc > 2 ? atoi(argv[2]) : 0;
    every = argc > 3 ? atoi(argv[3]) : 0;
    if (n < 3 || n < size || steps < 1) {
        if (rank == 0)
            fprintf(stderr,
                    "usage: heat N STEPS [REPORT_EVERY], N >= 3 and >= ranks, STEPS >= 1\n");
        MPI_Finalize();
        return 2;
    }
    strip_create(&s, n, rank, size);
    for (int step = 1; step <= steps; step++) {
        double change, *old = s.now;
        exchange_halos(&s);
        change = relax(&s);
        s.now = s.next;
        s.next = old;
        MPI_Allreduce(&change, &residual, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        if (rank == 0 && every > 0 && step % every == 0) {
            printf("step %d residual %.17g\n", step, residual);
            fflush(stdout);
        }
    }
    uint64_t sum = checksum(&s, rank, size);
    if (rank == 0)
        printf("residual %.17g checksum %016llx\n", residual, (unsigned long long)sum);
    free(s.now);
    free(s.next);
    MPI_Finalize();
    return 0;
}
