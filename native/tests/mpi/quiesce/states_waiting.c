/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: blocked in a receive, a send, or a wait. */
#include "states.h"

void recv_specific(void)
{
    if (qt_rank == 0) {
        late();
        send_int(1001, 1, TAG);
    } else if (qt_rank == 1) {
        QT_CHECK(receive_int(0, TAG) == 1001, "value");
        QT_CHECK(status.MPI_SOURCE == 0 && status.MPI_TAG == TAG, "status");
    }
}

void recv_any_big(void)
{
    int count;

    if (qt_rank == 0) {
        late();
        MPI_Send(big, BIG, MPI_INT, 1, 9, comm);
    } else if (qt_rank == 1) {
        MPI_Recv(into, BIG, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        check_big("recv");
        QT_CHECK(status.MPI_SOURCE == 0 && status.MPI_TAG == 9 && count == BIG, "status");
    }
}

void ssend_unmatched(void)
{
    if (qt_rank == 1)
        MPI_Ssend(big, 5, MPI_INT, 0, 3, comm);
    if (qt_rank == 0) {
        late();
        MPI_Recv(into, 5, MPI_INT, 1, 3, comm, &status);
        QT_CHECK(memcmp(into, big, 20) == 0, "data");
    }
}

void send_rendezvous(void)
{
    int count;

    if (qt_rank == 1)
        MPI_Send(big, BIG, MPI_INT, 0, 3, comm);
    if (qt_rank == 0) {
        late();
        MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        QT_CHECK(count == BIG && status.MPI_TAG == 3 && status.MPI_SOURCE == 1, "probe");
        MPI_Recv(into, BIG, MPI_INT, 1, 3, comm, MPI_STATUS_IGNORE);
        check_big("send");
    }
}

/* Twenty small messages on two communicators, received in another order of the communicators. */
void unexpected_order(void)
{
    int i, value;

    if (qt_rank == 1)
        for (i = 0; i < 20; i++)
            MPI_Send(&i, 1, MPI_INT, 0, 7, i % 2 ? comm : MPI_COMM_WORLD);
    if (qt_rank != 0)
        return;
    late();
    for (i = 1; i < 20; i += 2) {
        MPI_Recv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 7, comm, &status);
        QT_CHECK(value == i, "order: %d for %d", value, i);
    }
    for (i = 0; i < 20; i += 2) {
        MPI_Recv(&value, 1, MPI_INT, 1, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        QT_CHECK(value == i && status.MPI_TAG == 7, "order: %d for %d", value, i);
    }
}

void waitall(void)
{
    MPI_Request r[3];
    int x = 0, y = 0;

    if (qt_rank == 1) {
        MPI_Irecv(&x, 1, MPI_INT, 0, 1, comm, &r[0]);
        MPI_Irecv(&y, 1, MPI_INT, 0, 1, comm, &r[1]);
        MPI_Isend(big, BIG, MPI_INT, 0, 2, comm, &r[2]);
        MPI_Waitall(3, r, MPI_STATUSES_IGNORE);
        QT_CHECK(x == 1 && y == 2, "order of posted receives: %d %d", x, y);
        QT_CHECK(r[0] == MPI_REQUEST_NULL && r[2] == MPI_REQUEST_NULL, "handles");
    }
    if (qt_rank == 0) {
        late();
        send_int(1, 1, 1);
        send_int(2, 1, 1);
        MPI_Recv(into, BIG, MPI_INT, 1, 2, comm, &status);
        check_big("isend");
    }
}

void waitany(void)
{
    MPI_Request r[3] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    int x = 0, y = 0, index;

    if (qt_rank == 1) {
        MPI_Irecv(&x, 1, MPI_INT, 0, 1, comm, &r[0]);
        MPI_Irecv(&y, 1, MPI_INT, 0, 2, comm, &r[2]);
        MPI_Waitany(3, r, &index, &status);
        QT_CHECK(index == 2 && y == 2 && status.MPI_TAG == 2, "first");
        send_int(0, 0, 3);
        MPI_Waitany(3, r, &index, &status);
        QT_CHECK(index == 0 && x == 1 && status.MPI_TAG == 1, "second");
        MPI_Waitany(3, r, &index, &status);
        QT_CHECK(index == MPI_UNDEFINED, "third");
    }
    if (qt_rank == 0) {
        late();
        send_int(2, 1, 2);
        receive_int(1, 3);
        send_int(1, 1, 1);
    }
}

void waitsome(void)
{
    MPI_Request r[4];
    MPI_Status s[4];
    int value[4], index[4], count, done = 0, i;

    if (qt_rank == 0) {
        late();
        for (i = 3; i >= 0; i--)
            send_int(i * 10, 1, i);
    }
    if (qt_rank != 1)
        return;
    for (i = 0; i < 4; i++)
        MPI_Irecv(&value[i], 1, MPI_INT, 0, i, comm, &r[i]);
    while (done < 4) {
        MPI_Waitsome(4, r, &count, index, s);
        for (i = 0; i < count; i++)
            QT_CHECK(value[index[i]] == index[i] * 10 && s[i].MPI_TAG == index[i], "value");
        done += count;
    }
    MPI_Waitsome(4, r, &count, index, s);
    QT_CHECK(count == MPI_UNDEFINED, "nothing left");
}

void test_family(void)
{
    MPI_Request r[2];
    MPI_Status s[2];
    int x = 0, y = 0, flag = 0, index;

    if (qt_rank == 1) {
        MPI_Irecv(&x, 1, MPI_INT, 0, 1, comm, &r[0]);
        MPI_Irecv(&y, 1, MPI_INT, 0, 2, comm, &r[1]);
        while (!flag)
            MPI_Testany(2, r, &index, &flag, s);
        QT_CHECK(index == 0 && x == 1 && s[0].MPI_TAG == 1, "testany");
        for (flag = 0; !flag;)
            MPI_Testall(2, r, &flag, s);
        QT_CHECK(y == 2 && s[1].MPI_SOURCE == 0, "testall");
    }
    if (qt_rank == 0) {
        late();
        send_int(1, 1, 1);
        qt_compute(0.01);
        send_int(2, 1, 2);
    }
}

/* The message arrives in the drain: its status must wait for the application. */
void status_of_drained(void)
{
    MPI_Request r = MPI_REQUEST_NULL;
    int flag = 0, count;

    if (qt_rank == 1)
        MPI_Send(big, 77, MPI_INT, 0, 12, comm);
    if (qt_rank == 0) {
        MPI_Irecv(into, BIG, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &r);
        late();
        MPI_Request_get_status(r, &flag, &status);
        QT_CHECK(flag, "complete");
        QT_CHECK(r != MPI_REQUEST_NULL, "get_status frees nothing");
        memset(&status, 0, sizeof(status));
        MPI_Wait(&r, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        QT_CHECK(count == 77 && status.MPI_TAG == 12 && status.MPI_SOURCE == 1, "status");
        QT_CHECK(memcmp(into, big, 77 * sizeof(int)) == 0, "data");
    }
}
