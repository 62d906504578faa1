/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that defeat simpler gates of collectives; each asks for one checkpoint at the bad moment.
 *   d  a rank that must catch up on one communicator passes a broadcast as root on the way, while the receiver computes
 *   e  a rank that is behind waits for a message that a parked rank would send after its next collective
 *   t  the same through a third rank that is not parked: the release must be passed on
 *   p  like e, but waiting by polling with MPI_Test
 * Ranks: 4, and 5 for t.
 */
#include "qt.h"

static MPI_Comm g, h;

static int sum_over(MPI_Comm comm)
{
    int sum = 0;

    MPI_Allreduce(&qt_rank, &sum, 1, MPI_INT, MPI_SUM, comm);
    return sum;
}

/* Rank 0 is behind on h (2 and 3 are early there) and is root on g before that; rank 1 sees nothing of it. */
static void root_on_the_way(int round)
{
    int value = 7000 + round;

    if (qt_rank == 2 && round == 0)
        qt_make("want", 1);
    if (qt_rank == 2 || qt_rank == 3)
        sum_over(h);
    if (qt_rank == 0) {
        qt_compute(0.05);
        MPI_Bcast(&value, 1, MPI_INT, 0, g);
        sum_over(h);
        qt_compute(0.3);
    }
    if (qt_rank == 1) {
        qt_compute(0.5);
        value = 0;
        MPI_Bcast(&value, 1, MPI_INT, 0, g);
        QT_CHECK(value == 7000 + round, "broadcast lost: %d", value);
    }
}

static int receive(char how, int from)
{
    MPI_Request r;
    int value = 0, flag = 0;

    if (how != 'p') {
        MPI_Recv(&value, 1, MPI_INT, from, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return value;
    }
    MPI_Irecv(&value, 1, MPI_INT, from, 5, MPI_COMM_WORLD, &r);
    while (!flag)
        MPI_Test(&r, &flag, MPI_STATUS_IGNORE);
    return value;
}

/* 1: a collective on g, then a message to 2 (t: by way of 4). 2: that message, then a collective on h, where 3 is early. */
static void waited_for(char how, int round)
{
    int value = 7000 + round;

    if (qt_rank == 0) {
        qt_compute(0.1);
        if (round == 0)
            qt_make("want", 1);
        qt_compute(0.1);
        sum_over(g);
    }
    if (qt_rank == 1) {
        qt_compute(0.15);
        sum_over(g);
        MPI_Send(&value, 1, MPI_INT, how == 't' ? 4 : 2, 5, MPI_COMM_WORLD);
    }
    if (qt_rank == 4 && how == 't') {
        value = receive(how, 1);
        MPI_Send(&value, 1, MPI_INT, 2, 5, MPI_COMM_WORLD);
    }
    if (qt_rank == 2) {
        QT_CHECK(receive(how, how == 't' ? 4 : 1) == 7000 + round, "message");
        sum_over(h);
    }
    if (qt_rank == 3)
        sum_over(h);
}

int main(int argc, char **argv)
{
    char how = argc > 1 ? argv[1][0] : 'e';
    int round, all, in_h;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    in_h = qt_rank == 2 || qt_rank == 3 || (how == 'd' && qt_rank == 0);
    MPI_Comm_split(MPI_COMM_WORLD, qt_rank < 2 ? 0 : MPI_UNDEFINED, qt_rank, &g);
    MPI_Comm_split(MPI_COMM_WORLD, in_h ? 0 : MPI_UNDEFINED, qt_rank, &h);
    MPI_Barrier(MPI_COMM_WORLD);
    for (round = 0; round < 3; round++) {
        if (how == 'd')
            root_on_the_way(round);
        else
            waited_for(how, round);
    }
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s gate %c\n", all ? "not ok" : "ok", how);
    MPI_Finalize();
    return all != 0;
}
