/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A restarted job that aborts: with its exit code. */
#include "cover.h"

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int i = 0; i < PASSES; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        line("pass %d", i);
    }
    fflush(stdout);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        MPI_Abort(MPI_COMM_WORLD, 3);
    MPI_Barrier(MPI_COMM_WORLD);
    return 0;
}
