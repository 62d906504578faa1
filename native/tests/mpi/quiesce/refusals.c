/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be in an image yet is refused before anything is written, and the job goes on unharmed: each case asks for a
 * checkpoint while the object lives, uses the object, frees it, and at the end one checkpoint must succeed.
 */
#include "qt.h"

static int number;

/* A checkpoint is asked for and over, with nobody in a collective. */
static void checkpoint(void)
{
    int i, x = 0;

    number++;
    if (qt_rank == 0) {
        qt_compute(0.03);
        qt_make("want", number);
        qt_until("done", number);
        for (i = 1; i < qt_size; i++)
            MPI_Send(&x, 1, MPI_INT, i, 77, MPI_COMM_WORLD);
    } else {
        MPI_Recv(&x, 1, MPI_INT, 0, 77, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void intercommunicator(void)
{
    MPI_Comm half, inter;
    int sum = 0, one = 1, size;

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, qt_rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, !(qt_rank % 2), 5, &inter);
    checkpoint();
    MPI_Comm_remote_size(inter, &size);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, inter);
    QT_CHECK(sum == size, "sum %d of %d", sum, size);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&half);
}

int main(int argc, char **argv)
{
    int all;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    intercommunicator();
    MPI_Barrier(MPI_COMM_WORLD);
    checkpoint();
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s refusals\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
