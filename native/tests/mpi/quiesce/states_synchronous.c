/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: synchronous sends, which must not complete before a receive has taken their message. */
#include "states.h"

enum { TESTS = 200 };

static int is_complete(MPI_Request *r)
{
    int flag = 0, i;

    for (i = 0; i < TESTS && !flag; i++)
        MPI_Test(r, &flag, MPI_STATUS_IGNORE);
    return flag;
}

/* The receiver says that it has received WHAT. */
static void told(int what)
{
    int value = receive_int(0, 50);

    QT_CHECK(value == what, "told %d instead of %d", value, what);
}

/*
 * Of one class: synchronous, eager, synchronous (persistent). Of others: one that a receive has matched before the
 * checkpoint, and one that nobody receives until the end.
 */
static void send_exactly(void)
{
    MPI_Request a, c, matched, last, both[2];
    int value[5] = {1, 2, 3, 4, 5}, index;

    MPI_Issend(&value[0], 1, MPI_INT, 0, TAG, comm, &a);
    MPI_Send(&value[1], 1, MPI_INT, 0, TAG, comm);
    MPI_Ssend_init(&value[2], 1, MPI_INT, 0, TAG, comm, &c);
    MPI_Start(&c);
    MPI_Issend(&value[3], 1, MPI_INT, 0, TAG + 1, comm, &matched);
    MPI_Issend(&value[4], 1, MPI_INT, 0, TAG + 2, comm, &last);
    told(0);
    MPI_Wait(&matched, &status);
    QT_CHECK(!is_complete(&a) && !is_complete(&c) && !is_complete(&last), "before their receives");
    send_int(0, 0, 51);
    told(1);
    MPI_Wait(&a, &status);
    send_int(0, 0, 51);
    told(2);
    QT_CHECK(!is_complete(&c) && !is_complete(&last), "after the eager one's receive");
    send_int(0, 0, 51);
    both[0] = c, both[1] = last;
    MPI_Waitany(2, both, &index, &status);
    QT_CHECK(index == 0 && both[0] != MPI_REQUEST_NULL, "which: %d", index);
    QT_CHECK(!is_complete(&last), "nobody has received the last");
    send_int(0, 0, 51);
    MPI_Wait(&last, &status);
    MPI_Start(&c);
    MPI_Wait(&c, &status);
    MPI_Request_free(&c);
}

static void receive_next(int value, int tag)
{
    receive_int(1, 51);
    QT_CHECK(receive_int(1, tag) == value, "value %d", value);
}

void ssend_exact(void)
{
    MPI_Request r;
    int value = 0;

    if (qt_rank == 1)
        send_exactly();
    if (qt_rank != 0)
        return;
    MPI_Irecv(&value, 1, MPI_INT, 1, TAG + 1, comm, &r);
    late();
    send_int(0, 1, 50);
    receive_next(1, TAG);
    send_int(1, 1, 50);
    receive_next(2, TAG);
    send_int(2, 1, 50);
    receive_next(3, TAG);
    receive_next(5, TAG + 2);
    QT_CHECK(receive_int(1, TAG) == 3, "started again");
    MPI_Wait(&r, &status);
    QT_CHECK(value == 4, "the posted one: %d", value);
}

/* What the sender's call has returned from is seen through a file. */
void ssend_blocking(void)
{
    if (qt_rank == 1) {
        MPI_Ssend(big, 5, MPI_INT, 0, 3, comm);
        qt_make("passed", number);
    }
    if (qt_rank == 0) {
        late();
        qt_compute(0.02);
        QT_CHECK(!qt_seen("passed", number), "MPI_Ssend has returned before its receive");
        MPI_Probe(1, 3, comm, &status);
        QT_CHECK(!qt_seen("passed", number), "MPI_Ssend has returned after a probe");
        MPI_Recv(into, 5, MPI_INT, 1, 3, comm, &status);
        QT_CHECK(memcmp(into, big, 20) == 0, "data");
        qt_until("passed", number);
    }
}

/* Messages matched by probes: the first and the second are held, the third is received, the fourth is held, the fifth not. */
void ssend_held(void)
{
    MPI_Request r[5];
    MPI_Message m[3];
    int value[5] = {1, 2, 3, 4, 5}, i;

    if (qt_rank == 1) {
        for (i = 0; i < 5; i++)
            MPI_Issend(&value[i], 1, MPI_INT, 0, TAG, comm, &r[i]);
        told(0);
        MPI_Wait(&r[2], &status);
        for (i = 0; i < 5; i++)
            QT_CHECK(i == 2 || !is_complete(&r[i]), "%d before its receive", i);
        send_int(0, 0, 51);
        MPI_Wait(&r[1], &status);
        QT_CHECK(!is_complete(&r[0]) && !is_complete(&r[3]), "after the second's receive");
        send_int(0, 0, 51);
        MPI_Waitall(5, r, MPI_STATUSES_IGNORE);
    }
    if (qt_rank != 0)
        return;
    MPI_Mprobe(1, TAG, comm, &m[0], &status);
    MPI_Mprobe(1, TAG, comm, &m[1], &status);
    QT_CHECK(receive_int(1, TAG) == 3, "the third");
    MPI_Mprobe(1, TAG, comm, &m[2], &status);
    late();
    send_int(0, 1, 50);
    receive_int(1, 51);
    MPI_Mrecv(&into[1], 1, MPI_INT, &m[1], &status);
    receive_int(1, 51);
    MPI_Mrecv(&into[0], 1, MPI_INT, &m[0], &status);
    MPI_Mrecv(&into[3], 1, MPI_INT, &m[2], &status);
    into[4] = receive_int(1, TAG);
    QT_CHECK(into[0] == 1 && into[1] == 2 && into[3] == 4 && into[4] == 5, "values");
}

/* Nobody asks for the end of these: one is freed, the other's completion is only looked at. */
void ssend_freed(void)
{
    MPI_Request r, seen;
    int value[2] = {1, 2}, flag = 0;

    if (qt_rank == 1) {
        MPI_Issend(&value[0], 1, MPI_INT, 0, TAG, comm, &r);
        MPI_Request_free(&r);
        MPI_Issend(&value[1], 1, MPI_INT, 0, TAG, comm, &seen);
        told(0);
        MPI_Request_get_status(seen, &flag, &status);
        QT_CHECK(!flag, "before its receive");
        send_int(0, 0, 51);
        while (!flag)
            MPI_Request_get_status(seen, &flag, &status);
        MPI_Wait(&seen, &status);
    }
    if (qt_rank == 0) {
        late();
        send_int(0, 1, 50);
        receive_next(1, TAG);
        QT_CHECK(receive_int(1, TAG) == 2, "the second");
    }
}
