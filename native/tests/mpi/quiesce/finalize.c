/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint while some ranks are in MPI_Finalize already: each has sent a large message that rank 0 has not received. After
 * a restart all of them must still end together. "finalize again" has rank 0 compute for a second more, so that a
 * further checkpoint can be taken.
 */
#include "qt.h"

enum { MANY = 100000 };

static int numbers[MANY];

int main(int argc, char **argv)
{
    MPI_Request r;
    int i, k;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    for (i = 0; i < MANY; i++)
        numbers[i] = qt_rank * MANY + i;
    if (qt_rank != 0) {
        MPI_Isend(numbers, MANY, MPI_INT, 0, 1, MPI_COMM_WORLD, &r);
        MPI_Request_free(&r);
    } else {
        qt_compute(0.1);
        qt_make("want", 1);
        qt_until("done", 1);
        if (argc > 1)
            qt_compute(1);
        for (i = 1; i < qt_size; i++) {
            MPI_Recv(numbers, MANY, MPI_INT, i, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            for (k = 0; k < MANY && numbers[k] == i * MANY + k; k++)
                ;
            QT_CHECK(k == MANY, "message of rank %d differs at %d", i, k);
        }
        printf("%s finalize\n", qt_wrong ? "not ok" : "ok");
    }
    MPI_Finalize();
    return qt_wrong != 0;
}
