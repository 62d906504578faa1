/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPI_THREAD_MULTIPLE: while the checkpoint comes, one thread waits for a generalized request that another thread will
 * complete, one for such a request and a receive, and one is in a synchronous send.
 */
#include "qt.h"

#include <pthread.h>

static MPI_Request request[3];
static int value, freed;

static int query(void *extra, MPI_Status *status)
{
    MPI_Status_set_elements(status, MPI_INT, *(int *)extra);
    MPI_Status_set_cancelled(status, 0);
    return MPI_SUCCESS;
}

static int release(void *extra)
{
    (void)extra;
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
    return MPI_SUCCESS;
}

static int nothing_to_cancel(void *extra, int complete)
{
    (void)extra, (void)complete;
    return MPI_SUCCESS;
}

static void check_count(const MPI_Status *status, int expected)
{
    int count;

    MPI_Get_count(status, MPI_INT, &count);
    QT_CHECK(count == expected, "count %d", count);
}

static void *wait_for_one(void *argument)
{
    MPI_Status status;

    (void)argument;
    MPI_Wait(&request[0], &status);
    check_count(&status, 3);
    return NULL;
}

static void *wait_for_both(void *argument)
{
    MPI_Status status[2];

    (void)argument;
    MPI_Waitall(2, request + 1, status);
    check_count(&status[0], 4);
    check_count(&status[1], 1);
    QT_CHECK(value == 5, "value %d", value);
    return NULL;
}

static void *send_synchronously(void *argument)
{
    (void)argument;
    MPI_Ssend(&qt_rank, 1, MPI_INT, (qt_rank + 1) % qt_size, 2, MPI_COMM_WORLD);
    qt_make("sent", qt_rank);
    return NULL;
}

/* Rank 0 has the checkpoint taken, and tells the others that it is over. */
static void checkpoint(void)
{
    int i, x = 0;

    if (qt_rank != 0) {
        MPI_Recv(&x, 1, MPI_INT, 0, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return;
    }
    qt_compute(0.05);
    qt_make("want", 1);
    qt_until("done", 1);
    for (i = 1; i < qt_size; i++)
        MPI_Send(&x, 1, MPI_INT, i, 3, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    void *(*const work[3])(void *) = {wait_for_one, wait_for_both, send_synchronously};
    int counts[2] = {3, 4}, five = 5, got, level, before, i, all;
    pthread_t thread[3];

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    before = (qt_rank + qt_size - 1) % qt_size;
    for (i = 0; i < 2; i++)
        MPI_Grequest_start(query, release, nothing_to_cancel, &counts[i], &request[i]);
    MPI_Irecv(&value, 1, MPI_INT, before, 1, MPI_COMM_WORLD, &request[2]);
    for (i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, work[i], NULL);
    checkpoint();
    QT_CHECK(!qt_seen("sent", before), "MPI_Ssend has returned before its receive");
    MPI_Recv(&got, 1, MPI_INT, before, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Send(&five, 1, MPI_INT, (qt_rank + 1) % qt_size, 1, MPI_COMM_WORLD);
    MPI_Grequest_complete(request[0]);
    MPI_Grequest_complete(request[1]);
    for (i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    QT_CHECK(got == before && freed == 2, "got %d, freed %d", got, freed);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s waiters\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
