/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlocks of every kind that a checkpoint may meet; each rank says "stuck" before its last call. 3 ranks.
 *
 *     deadlock receives      0 receives from 1, 1 from 2, 2 from 0
 *     deadlock barrier       0 and 2 are in a barrier, 1 receives from 0
 *     deadlock communicators 0 is in a collective on one communicator, the others on another one of the same ranks
 *     deadlock window        0 is in a fence of a window, 1 waits for a lock that 2 holds, which receives from 1
 *     deadlock calls         0 probes for a message of 1, 1 waits for receives from 2 and itself, 2 sends synchronously to 1
 *     deadlock thread        as receives; 0 has another thread, so that it is not known to be deadlocked
 *     deadlock request       0 waits for a barrier that it has begun, 1 probes for a message of 0, 2 has ended its part
 */
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int rank;

static void stuck(void)
{
    printf("stuck %d\n", rank);
    fflush(stdout);
}

static void receive(int from)
{
    int value;

    stuck();
    MPI_Recv(&value, 1, MPI_INT, from, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void barrier(void)
{
    if (rank == 1)
        receive(0);
    stuck();
    MPI_Barrier(MPI_COMM_WORLD);
}

static void communicators(void)
{
    MPI_Comm left, right;
    int value = rank, sum;

    MPI_Comm_dup(MPI_COMM_WORLD, &left);
    MPI_Comm_dup(MPI_COMM_WORLD, &right);
    MPI_Comm_set_name(left, "left");
    MPI_Comm_set_name(right, "right");
    stuck();
    if (rank == 0)
        MPI_Barrier(left);
    else
        MPI_Allreduce(&value, &sum, 1, MPI_INT, MPI_SUM, right);
}

static void window(void)
{
    static int memory;
    MPI_Win win;

    MPI_Win_create(&memory, sizeof(memory), sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    MPI_Win_set_name(win, "halo");
    if (rank == 2)
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 2)
        receive(1);
    stuck();
    if (rank == 1)
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
    MPI_Win_fence(0, win);
}

static void calls(void)
{
    MPI_Request r[2];
    int value = 0, other;

    if (rank == 0) {
        stuck();
        MPI_Probe(1, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else if (rank == 2) {
        stuck();
        MPI_Ssend(&value, 1, MPI_INT, 1, 8, MPI_COMM_WORLD);
    } else {
        MPI_Isend(&value, 1, MPI_INT, 1, 7, MPI_COMM_WORLD, &r[0]);
        MPI_Wait(&r[0], MPI_STATUS_IGNORE);
        MPI_Irecv(&value, 1, MPI_INT, 2, 7, MPI_COMM_WORLD, &r[0]);
        MPI_Irecv(&other, 1, MPI_INT, 1, 7, MPI_COMM_WORLD, &r[1]);
        stuck();
        MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
    }
}

static void *rest(void *unused)
{
    pause();
    return unused;
}

static void thread(void)
{
    pthread_t other;

    if (rank == 0 && pthread_create(&other, NULL, rest, NULL) != 0)
        return;
    receive((rank + 1) % 3);
}

static void request(void)
{
    MPI_Request r;
    MPI_Status status;

    stuck();
    if (rank == 1)
        MPI_Probe(0, 7, MPI_COMM_WORLD, &status);
    MPI_Ibarrier(MPI_COMM_WORLD, &r);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (strcmp(how, "receives") == 0)
        receive((rank + 1) % 3);
    else if (strcmp(how, "barrier") == 0)
        barrier();
    else if (strcmp(how, "communicators") == 0)
        communicators();
    else if (strcmp(how, "window") == 0)
        window();
    else if (strcmp(how, "calls") == 0)
        calls();
    else if (strcmp(how, "thread") == 0)
        thread();
    else
        request();
    printf("not stuck %d\n", rank);
    MPI_Finalize();
    return 0;
}
