/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMP and MPI. MPI_Init comes late: the program has had threads before. Each step is a parallel region of another number
 * of threads, so that some end and others begin; in some of them rank 0 asks for a checkpoint, and all threads of all ranks are
 * inside until it is over.
 *
 *     openmp funneled    the first thread exchanges messages while the others compute
 *     openmp multiple    all threads exchange messages and reduce, each on its own communicator
 */
#include "qt.h"

#include <omp.h>

enum { THREADS = 4, CELLS = 2000, STEPS = 12, EVERY = 4 };

static MPI_Comm comms[THREADS];
static unsigned long cells[THREADS][CELLS];

static int threads_of(int step)
{
    return 2 + step % (THREADS - 1);
}

/* One thread's part of a step, without MPI. */
static void compute(int thread, int step)
{
    for (int i = 0; i < CELLS; i++)
        cells[thread][i] = cells[thread][i] * 31 + (unsigned)(step + thread + i);
}

/* Gives a number to the next rank, and adds up over all. */
static void talk(MPI_Comm comm, int tag, int step)
{
    int to = (qt_rank + 1) % qt_size, from = (qt_rank + qt_size - 1) % qt_size;
    long out = step * 1000 + qt_rank * 10 + tag, in = -1, sum = 0;

    MPI_Sendrecv(&out, 1, MPI_LONG, to, tag, &in, 1, MPI_LONG, from, tag, comm, MPI_STATUS_IGNORE);
    QT_CHECK(in == step * 1000 + from * 10 + tag, "step %d, tag %d: received %ld", step, tag, in);
    MPI_Allreduce(&out, &sum, 1, MPI_LONG, MPI_SUM, comm);
    QT_CHECK(sum == qt_size * (step * 1000L + tag) + 10L * qt_size * (qt_size - 1) / 2,
             "step %d, tag %d: sum %ld", step, tag, sum);
}

/* Rank 0 says when the checkpoint is over, so that no thread leaves the region or waits for ever in it. */
static int may_leave(MPI_Comm comm, int number)
{
    int over = qt_rank == 0 && (getenv("QUIESCE_TEST_DIR") == NULL || qt_seen("done", number));

    MPI_Bcast(&over, 1, MPI_INT, 0, comm);
    return over;
}

static void step_funneled(int step, int number)
{
    volatile int over = number == 0;

#pragma omp parallel num_threads(threads_of(step)) shared(over)
    {
        int me = omp_get_thread_num();

        if (me == 0 && number != 0 && qt_rank == 0)
            qt_make("want", number);
        do {
            if (me == 0)
                talk(MPI_COMM_WORLD, 0, step);
            else
                qt_compute(0.001);
            if (me == 0 && !over)
                over = may_leave(MPI_COMM_WORLD, number);
        } while (!over);
        compute(me, step);
    }
}

static void step_multiple(int step, int number)
{
#pragma omp parallel num_threads(threads_of(step))
    {
        int me = omp_get_thread_num(), over;

        if (me == 0 && number != 0 && qt_rank == 0)
            qt_make("want", number);
        do {
            talk(comms[me], me, step);
            over = number == 0 || may_leave(comms[me], number);
        } while (!over);
        compute(me, step);
    }
}

/* What each thread's cells must be now. */
static void check_cells(void)
{
    for (int thread = 0; thread < THREADS; thread++)
        for (int i = 0; i < CELLS; i++) {
            unsigned long value = 0;

            for (int step = 0; step < STEPS; step++)
                if (thread < threads_of(step))
                    value = value * 31 + (unsigned)(step + thread + i);
            QT_CHECK(cells[thread][i] == value, "cell %d of thread %d is %lu, not %lu", i, thread,
                     cells[thread][i], value);
            if (cells[thread][i] != value)
                return;
        }
}

int main(int argc, char **argv)
{
    int multiple = argc > 1 && strcmp(argv[1], "multiple") == 0, level, number;

#pragma omp parallel num_threads(THREADS)
    compute(omp_get_thread_num(), 1);
    memset(cells, 0, sizeof(cells));
    MPI_Init_thread(&argc, &argv, multiple ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    for (int i = 0; i < THREADS; i++)
        MPI_Comm_dup(MPI_COMM_WORLD, &comms[i]);
    for (int step = 0; step < STEPS; step++) {
        number = step % EVERY == 1 ? 1 + step / EVERY : 0;
        (multiple ? step_multiple : step_funneled)(step, number);
    }
    check_cells();
    for (int i = 0; i < THREADS; i++)
        MPI_Comm_free(&comms[i]);
    if (qt_rank == 0)
        printf("%s %s\n", qt_wrong ? "not ok" : "ok", argc > 1 ? argv[1] : "funneled");
    MPI_Finalize();
    return qt_wrong != 0;
}
