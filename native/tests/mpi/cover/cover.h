/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that call every MPI function: twice, so that a restart may come between. Each line printed must be that of an
 * undisturbed run. What a pass makes lives on until the end; what is freed is made for that. Rank 0 is one for whom the
 * others wait wherever there is a choice, since checkpoints are asked for while it is late (cover.py).
 */
#ifndef COVER_H
#define COVER_H

#define OMPI_OMIT_MPI1_COMPAT_DECLS 0
#define OMPI_REMOVED_USE_STATIC_ASSERT 0
#include "../stub/stub_test.h"

#include <mpi-ext.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define PASSES 2
#define LATE 1 /* a root that waits for rank 0 */

static inline void show(const char *label, const int *values, int count)
{
    char text[600];
    int at = 0;

    for (int i = 0; i < count && at < 560; i++)
        at += snprintf(text + at, sizeof(text) - (size_t)at, " %d", values[i]);
    line("%s%s", label, count > 0 ? text : "");
}

/* The others wait for rank 0, and not in a collective: so a checkpoint is possible while rank 0 alone is on its way here. */
static inline void after_rank_0(void)
{
    int word = 0;

    if (rank != 0)
        MPI_Recv(&word, 1, MPI_INT, 0, 77, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int to = 1; rank == 0 && to < size; to++)
        MPI_Send(&word, 1, MPI_INT, to, 77, MPI_COMM_WORLD);
}

/* Rank 0 waits for the others: then none of them needs its help any more to leave what they have done together. */
static inline void before_rank_0(void)
{
    int word = 0;

    if (rank != 0)
        MPI_Send(&word, 1, MPI_INT, 0, 78, MPI_COMM_WORLD);
    for (int from = 1; rank == 0 && from < size; from++)
        MPI_Recv(&word, 1, MPI_INT, from, 78, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static inline int cover_main(int argc, char **argv, void (*pass)(int number))
{
    begin(&argc, &argv);
    for (int i = 0; i < PASSES; i++) {
        if (i > 0)
            MPI_Pcontrol(i); /* a restart is here in any case */
        pass(i);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Finalize();
    return 0;
}

#endif
