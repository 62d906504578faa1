/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rank 0 spends nearly all its time inside malloc and stdio, with a receive posted and a message waiting: whoever drains and
 * rebuilds must need neither the heap nor a FILE of the stopped thread. Rank 1 polls the clock all the time: no thread may be
 * saved inside the vdso. Rank 2, if there is one, sleeps: it must not see EINTR. Rank 3, if there is one, asks for more of the
 * program break, which a rank does not get: also not where the restarted process has its break at another address.
 */
#include "qt.h"

#include <errno.h>

static void use_heap(double seconds)
{
    double end = qt_now() + seconds;
    FILE *nowhere = fopen("/dev/null", "w");
    void *piece[40];
    int i, k;

    while (qt_now() < end)
        for (i = 0; i < 300; i++) {
            for (k = 0; k < 40; k++)
                piece[k] = malloc(2000 + 37 * (size_t)k);
            for (k = 0; k < 40; k++)
                free(piece[k]);
            fprintf(nowhere, "%d\n", i);
        }
    fclose(nowhere);
}

static void poll_clock(double seconds)
{
    double end = qt_now() + seconds, last = 0, now;

    while ((now = qt_now()) < end) {
        QT_CHECK(now >= last, "the clock went back from %f to %f", last, now);
        last = now;
    }
}

static void sleep_on(double seconds)
{
    double end = qt_now() + seconds;

    while (qt_now() < end) {
        struct timespec pause = {0, 20000000};

        QT_CHECK(nanosleep(&pause, NULL) == 0, "nanosleep: errno %d", errno);
    }
}

static void ask_for_break(double seconds)
{
    double end = qt_now() + seconds;
    int i;

    while (qt_now() < end)
        for (i = 0; i < 10000; i++) {
            void *at = sbrk(1 << 20);

            QT_CHECK(at == (void *)-1, "sbrk() gave memory at %p", at);
        }
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1.5;
    int x = 5, y = 0, z = 0, all, i;
    MPI_Comm comm;
    MPI_Request r;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    i = qt_rank ^ 1;
    if (i >= qt_size)
        i = MPI_PROC_NULL;
    MPI_Irecv(&y, 1, MPI_INT, i, 3, comm, &r);
    MPI_Send(&x, 1, MPI_INT, i, 4, comm);
    qt_make("running", 0);
    if (qt_rank == 0)
        use_heap(seconds);
    else if (qt_rank == 1)
        poll_clock(seconds);
    else if (qt_rank == 2)
        sleep_on(seconds);
    else
        ask_for_break(seconds);
    MPI_Send(&x, 1, MPI_INT, i, 3, comm);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    MPI_Recv(&z, 1, MPI_INT, i, 4, comm, MPI_STATUS_IGNORE);
    QT_CHECK(i == MPI_PROC_NULL || (y == 5 && z == 5), "messages %d %d", y, z);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s heap\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
