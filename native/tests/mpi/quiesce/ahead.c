/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPI_THREAD_MULTIPLE: when a checkpoint begins, all ranks but one have begun a collective on an intercommunicator. The checkpoint
 * has to wait for the last one. Several times, each with an intercommunicator of its own: the identity of one, and with it that
 * of the clock of the call that has made it, is as good as random.
 */
#include "qt.h"

enum { SOME = 8, TAG = 6 };

static MPI_Comm intercomm(void)
{
    MPI_Comm half, made;

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, qt_rank, &half);
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - qt_rank % 2, TAG, &made);
    MPI_Comm_free(&half);
    return made;
}

/* Rank 0 comes after the beginning of checkpoint NUMBER, and late enough for one that does not wait to go wrong. */
static void turn(MPI_Comm inter, int number)
{
    MPI_Request barrier;
    int one = 1, sum = 0, rank;

    if (qt_rank == 0) {
        for (rank = 1; rank < qt_size; rank++)
            qt_until("ahead", number * qt_size + rank);
        qt_make("want", number);
        qt_until("begun", number);
        qt_compute(0.1);
    }
    MPI_Ibarrier(inter, &barrier);
    if (qt_rank != 0)
        qt_make("ahead", number * qt_size + qt_rank);
    qt_until("done", number);
    MPI_Wait(&barrier, MPI_STATUS_IGNORE);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, inter);
    QT_CHECK(sum == (qt_size + qt_rank % 2) / 2, "%d ranks on the other side", sum);
}

int main(int argc, char **argv)
{
    int level, number, all;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    for (number = 1; number <= SOME; number++) {
        MPI_Comm inter = intercomm();

        turn(inter, number);
        MPI_Comm_free(&inter);
    }
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s ahead\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
