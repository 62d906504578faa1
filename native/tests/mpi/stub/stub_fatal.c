/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fatal error, or with an argument MPI_Abort: what was printed before must be seen, and the job
 * must end with a status.
 */
#include "stub_test.h"

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    setvbuf(stdout, NULL, _IOFBF, 4096);
    line("printed before the end");
    MPI_Barrier(MPI_COMM_WORLD);
    if (argc > 1 && strcmp(argv[1], "abort") == 0)
        MPI_Abort(MPI_COMM_WORLD, 42);
    MPI_Send(&rank, 1, MPI_INT, size + 1, 0, MPI_COMM_WORLD);
    line("not reached");
    return 0;
}
