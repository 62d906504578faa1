/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: phases FOLDER
 *
 * Odd ranks wait for the file FOLDER/init before MPI_Init, all add up until there is FOLDER/end, and wait for FOLDER/leave after
 * MPI_Finalize. Rank 0 prints the sum.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *folder;

static int there(const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void await(const char *name)
{
    while (!there(name))
        usleep(2000);
}

int main(int argc, char **argv)
{
    const char *rank_text = getenv("OMPI_COMM_WORLD_RANK");
    int rank = rank_text != NULL ? atoi(rank_text) : 0, sum = 0, over = 0;

    if (argc != 2)
        return 2;
    folder = argv[1];
    printf("rank %d is there\n", rank);
    fflush(stdout);
    if (rank % 2 == 1)
        await("init");
    MPI_Init(&argc, &argv);
    printf("rank %d is in\n", rank);
    fflush(stdout);
    while (!over) {
        MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        over = rank == 0 && there("end");
        MPI_Bcast(&over, 1, MPI_INT, 0, MPI_COMM_WORLD);
        usleep(1000);
    }
    MPI_Finalize();
    printf("rank %d is out\n", rank);
    fflush(stdout);
    await("leave");
    if (rank == 0)
        printf("sum %d\n", sum);
    return 0;
}
