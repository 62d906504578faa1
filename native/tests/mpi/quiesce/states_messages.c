/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: probes, messages of special kinds, modes of sending. */
#include "states.h"

void probe(void)
{
    int value;

    if (qt_rank == 1) {
        MPI_Probe(MPI_ANY_SOURCE, 4, comm, &status);
        MPI_Recv(&value, 1, MPI_INT, status.MPI_SOURCE, 4, comm, &status);
        QT_CHECK(value == 88, "value");
    }
    if (qt_rank == 0) {
        late();
        send_int(88, 1, 4);
    }
}

void iprobe_and_test(void)
{
    MPI_Request r;
    int value = 0, flag = 0;

    if (qt_rank == 1) {
        while (!flag)
            MPI_Iprobe(0, 4, comm, &flag, &status);
        MPI_Irecv(&value, 1, MPI_INT, 0, 4, comm, &r);
        for (flag = 0; !flag;)
            MPI_Test(&r, &flag, &status);
        QT_CHECK(value == 99 && status.MPI_SOURCE == 0 && r == MPI_REQUEST_NULL, "test");
    }
    if (qt_rank == 0) {
        late();
        send_int(99, 1, 4);
    }
}

/* One message matched before the checkpoint, one after it. */
void mprobe_held(void)
{
    MPI_Message message, second;
    MPI_Request r, sends[2];
    int count;

    if (qt_rank == 1) {
        MPI_Isend(big, BIG, MPI_INT, 0, 6, comm, &sends[0]);
        MPI_Isend(big, 3, MPI_INT, 0, 6, comm, &sends[1]);
        MPI_Waitall(2, sends, MPI_STATUSES_IGNORE);
    }
    if (qt_rank != 0)
        return;
    MPI_Mprobe(1, MPI_ANY_TAG, comm, &message, &status);
    late();
    MPI_Mprobe(MPI_ANY_SOURCE, 6, comm, &second, &status);
    MPI_Get_count(&status, MPI_INT, &count);
    QT_CHECK(count == 3, "count of the second: %d", count);
    MPI_Mrecv(into, BIG, MPI_INT, &message, &status);
    check_big("mrecv");
    QT_CHECK(status.MPI_TAG == 6 && message == MPI_MESSAGE_NULL, "mrecv");
    memset(into, 0, sizeof(into));
    MPI_Imrecv(into, 3, MPI_INT, &second, &r);
    MPI_Wait(&r, &status);
    QT_CHECK(memcmp(into, big, 12) == 0 && status.MPI_SOURCE == 1, "imrecv");
}

void self_and_nobody(void)
{
    MPI_Request r;
    int in = -1, out = qt_rank;

    MPI_Irecv(&in, 1, MPI_INT, qt_rank, 1, comm, &r);
    if (qt_rank == 0)
        late();
    MPI_Send(&out, 1, MPI_INT, qt_rank, 1, comm);
    MPI_Wait(&r, &status);
    QT_CHECK(in == qt_rank && status.MPI_SOURCE == qt_rank, "self");
    MPI_Recv(&in, 1, MPI_INT, MPI_PROC_NULL, 1, comm, &status);
    QT_CHECK(status.MPI_SOURCE == MPI_PROC_NULL && status.MPI_TAG == MPI_ANY_TAG, "nobody");
    MPI_Send(&out, 1, MPI_INT, MPI_PROC_NULL, 1, comm);
    MPI_Sendrecv(&out, 1, MPI_INT, MPI_PROC_NULL, 1, &in, 1, MPI_INT, MPI_PROC_NULL, 1, comm,
                 MPI_STATUS_IGNORE);
}

void zero_bytes(void)
{
    int count = -1, value = 5;

    if (qt_rank == 1) {
        MPI_Send(NULL, 0, MPI_INT, 0, 1, comm);
        MPI_Send(&value, 1, MPI_INT, 0, 1, comm);
    }
    if (qt_rank == 0) {
        late();
        MPI_Recv(NULL, 0, MPI_INT, 1, 1, comm, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        QT_CHECK(count == 0, "count %d", count);
        QT_CHECK(receive_int(1, 1) == 5, "the next one");
    }
}

/* Kept as bytes by the drain, received into strides. */
void strided(void)
{
    MPI_Datatype column;
    int i, ok = 1;

    MPI_Type_vector(100, 2, 5, MPI_INT, &column);
    MPI_Type_commit(&column);
    if (qt_rank == 1)
        MPI_Send(big, 1, column, 0, 8, comm);
    if (qt_rank == 0) {
        late();
        MPI_Recv(into, 1, column, 1, 8, comm, &status);
        for (i = 0; i < 500; i++)
            ok &= into[i] == ((i % 5 < 2) ? big[i] : 0);
        QT_CHECK(ok, "strides");
        MPI_Get_count(&status, column, &i);
        QT_CHECK(i == 1, "count");
    }
    MPI_Type_free(&column);
}

/* A strided receive that is posted again after the type's handle was freed. */
void strided_posted(void)
{
    MPI_Datatype column;
    MPI_Request r;
    int i, ok = 1;

    MPI_Type_vector(100, 2, 5, MPI_INT, &column);
    MPI_Type_commit(&column);
    if (qt_rank == 1) {
        MPI_Irecv(into, 1, column, 0, 8, comm, &r);
        MPI_Type_free(&column);
        MPI_Wait(&r, &status);
        for (i = 0; i < 500; i++)
            ok &= into[i] == ((i % 5 < 2) ? big[i] : 0);
        QT_CHECK(ok, "strides");
        return;
    }
    if (qt_rank == 0) {
        late();
        MPI_Send(big, 1, column, 1, 8, comm);
    }
    MPI_Type_free(&column);
}

void truncated(void)
{
    MPI_Comm careful;
    int rc, class;

    MPI_Comm_dup(comm, &careful);
    MPI_Comm_set_errhandler(careful, MPI_ERRORS_RETURN);
    if (qt_rank == 1)
        MPI_Send(big, 10, MPI_INT, 0, 2, careful);
    if (qt_rank == 0) {
        late();
        rc = MPI_Recv(into, 4, MPI_INT, 1, 2, careful, &status);
        MPI_Error_class(rc, &class);
        QT_CHECK(class == MPI_ERR_TRUNCATE, "class %d", class);
        QT_CHECK(into[3] == big[3] && into[4] == 0, "what fits, and no more");
    }
    leave();
    MPI_Comm_free(&careful);
}

void bsend(void)
{
    static char space[BIG * 4 + 4 * MPI_BSEND_OVERHEAD + 4096];
    void *address;
    int size;

    if (qt_rank == 1) {
        MPI_Buffer_attach(space, sizeof(space));
        MPI_Bsend(big, BIG, MPI_INT, 0, 1, comm);
        MPI_Bsend(big, 5, MPI_INT, 0, 2, comm);
        QT_CHECK(receive_int(0, 3) == 3, "go on");
        MPI_Buffer_detach(&address, &size);
        QT_CHECK(address == space && size == (int)sizeof(space), "detach");
    }
    if (qt_rank == 0) {
        late();
        MPI_Recv(into, 5, MPI_INT, 1, 2, comm, &status);
        QT_CHECK(memcmp(into, big, 20) == 0, "small");
        MPI_Recv(into, BIG, MPI_INT, 1, 1, comm, &status);
        check_big("bsend");
        send_int(3, 1, 3);
    }
}

void rsend(void)
{
    MPI_Request r;
    int value = 0;

    if (qt_rank == 1) {
        MPI_Irecv(&value, 1, MPI_INT, 0, 1, comm, &r);
        send_int(1, 0, 2);
        MPI_Wait(&r, &status);
        QT_CHECK(value == 61, "value");
    }
    if (qt_rank == 0) {
        receive_int(1, 2);
        late();
        value = 61;
        MPI_Rsend(&value, 1, MPI_INT, 1, 1, comm);
    }
}

void persistent(void)
{
    MPI_Request r[2], idle;
    int in = 0, out = 41, unused = 0, i;

    MPI_Recv_init(&unused, 1, MPI_INT, qt_rank, 30, comm, &idle);
    if (qt_rank < 2) {
        MPI_Recv_init(&in, 1, MPI_INT, !qt_rank, 1, comm, &r[0]);
        MPI_Ssend_init(&out, 1, MPI_INT, !qt_rank, 1, comm, &r[1]);
        for (i = 0; i < 3; i++) {
            out = 41 + i;
            if (qt_rank == 0 && i == 1)
                late();
            MPI_Startall(2, r);
            MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
            QT_CHECK(in == 41 + i && r[0] != MPI_REQUEST_NULL, "round %d: %d", i, in);
        }
        MPI_Request_free(&r[0]);
        MPI_Request_free(&r[1]);
    }
    MPI_Start(&idle);
    send_int(qt_rank + 9, qt_rank, 30);
    MPI_Wait(&idle, &status);
    QT_CHECK(unused == qt_rank + 9, "idle during the checkpoint");
    MPI_Request_free(&idle);
    QT_CHECK(idle == MPI_REQUEST_NULL, "handle");
}

void cancelled(void)
{
    MPI_Request r;
    int value = 0, flag = 0;

    if (qt_rank == 1) {
        MPI_Irecv(&value, 1, MPI_INT, 0, 99, comm, &r);
        QT_CHECK(receive_int(0, 1) == 1, "go on");
        MPI_Cancel(&r);
        MPI_Wait(&r, &status);
        MPI_Test_cancelled(&status, &flag);
        QT_CHECK(flag, "cancelled");
    }
    if (qt_rank == 0) {
        late();
        send_int(1, 1, 1);
    }
}

void freed_while_active(void)
{
    MPI_Request r;

    if (qt_rank == 1) {
        MPI_Isend(big, BIG, MPI_INT, 0, 1, comm, &r);
        MPI_Request_free(&r);
        QT_CHECK(receive_int(0, 2) == 2, "go on");
    }
    if (qt_rank == 0) {
        late();
        MPI_Recv(into, BIG, MPI_INT, 1, 1, comm, &status);
        check_big("freed");
        send_int(2, 1, 2);
    }
}

/* Of an exchange that is interrupted the receive has ended, and the large send has not. */
void sendrecv_received(void)
{
    int in = 0, count;

    if (qt_rank == 0) {
        send_int(33, 1, 1);
        late();
        MPI_Recv(into, BIG, MPI_INT, 1, 2, comm, &status);
        check_big("sendrecv");
    } else if (qt_rank == 1) {
        MPI_Sendrecv(big, BIG, MPI_INT, 0, 2, &in, 1, MPI_INT, MPI_ANY_SOURCE, 1, comm, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        QT_CHECK(in == 33 && status.MPI_SOURCE == 0 && status.MPI_TAG == 1 && count == 1,
                 "sendrecv %d of %d from %d", in, count, status.MPI_SOURCE);
    }
}

void sendrecv(void)
{
    MPI_Datatype pairs;
    int out = qt_rank + 70, in = 0, i, ok = 1, peer = qt_rank < 2 ? !qt_rank : MPI_PROC_NULL;

    if (qt_rank == 0)
        late();
    MPI_Sendrecv(&out, 1, MPI_INT, peer, 1, &in, 1, MPI_INT, peer, 1, comm, &status);
    QT_CHECK(qt_rank > 1 || in == !qt_rank + 70, "sendrecv %d", in);
    MPI_Type_vector(1000, 1, 2, MPI_INT, &pairs);
    MPI_Type_commit(&pairs);
    for (i = 0; i < 2000; i++)
        into[i] = qt_rank * 10000 + i;
    MPI_Sendrecv_replace(into, 1, pairs, peer, 2, peer, 2, comm, &status);
    for (i = 0; i < 2000 && qt_rank < 2; i++)
        ok &= into[i] == (i % 2 ? qt_rank : !qt_rank) * 10000 + i;
    QT_CHECK(ok, "sendrecv_replace of strides");
    MPI_Type_free(&pairs);
}
