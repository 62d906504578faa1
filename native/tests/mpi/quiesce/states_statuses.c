/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: what statuses say of messages that a drain has received, and requests that are cancelled, freed or empty. */
#include "states.h"

enum { MANY = 6 };

static MPI_Comm careful;

static int class_of(int code)
{
    int class;

    MPI_Error_class(code, &class);
    return class;
}

static void check_elements(const MPI_Status *s, MPI_Datatype type, int count, int elements)
{
    int n, m;
    MPI_Count x;

    MPI_Get_count(s, type, &n);
    MPI_Get_elements(s, type, &m);
    MPI_Get_elements_x(s, type, &x);
    QT_CHECK(n == count && m == elements && x == elements, "%d of %d, %d of %d", n, count, m,
             elements);
}

static void receive_parts(MPI_Datatype three, MPI_Request *posted)
{
    MPI_Status s[2];
    int rc, cancelled;

    MPI_Probe(1, 1, comm, &status);
    check_elements(&status, three, MPI_UNDEFINED, 7);
    MPI_Recv(into, 5, three, 1, 1, comm, &status);
    check_elements(&status, three, MPI_UNDEFINED, 7);
    QT_CHECK(into[6] == big[6] && into[7] == 0, "the part");
    MPI_Recv(into, 5, three, MPI_ANY_SOURCE, 2, comm, &status);
    check_elements(&status, three, 0, 0);
    rc = MPI_Waitall(2, posted, s);
    QT_CHECK(class_of(rc) == MPI_ERR_IN_STATUS, "waitall: class %d", class_of(rc));
    QT_CHECK(class_of(s[0].MPI_ERROR) == MPI_ERR_TRUNCATE && s[0].MPI_TAG == 3, "truncated");
    QT_CHECK(s[1].MPI_ERROR == MPI_SUCCESS && s[1].MPI_TAG == 4, "the other: %d", s[1].MPI_ERROR);
    check_elements(&s[1], three, 2, 6);
    MPI_Test_cancelled(&s[1], &cancelled);
    QT_CHECK(!cancelled, "not cancelled");
}

void statuses(void)
{
    MPI_Datatype three;
    MPI_Request posted[2];
    static int room[2][MANY];

    MPI_Comm_dup(comm, &careful);
    MPI_Comm_set_errhandler(careful, MPI_ERRORS_RETURN);
    MPI_Type_contiguous(3, MPI_INT, &three);
    MPI_Type_commit(&three);
    if (qt_rank == 0) {
        MPI_Irecv(room[0], 2, MPI_INT, 1, 3, careful, &posted[0]);
        MPI_Irecv(room[1], 2, three, 1, 4, careful, &posted[1]);
        late();
        receive_parts(three, posted);
    } else if (qt_rank == 1) {
        MPI_Send(big, 7, MPI_INT, 0, 1, comm);
        MPI_Send(big, 0, MPI_INT, 0, 2, comm);
        MPI_Send(big, 5, MPI_INT, 0, 3, careful);
        MPI_Send(big, 6, MPI_INT, 0, 4, careful);
    }
    leave();
    MPI_Type_free(&three);
    MPI_Comm_free(&careful);
}

/* Cancelled before the checkpoint, asked about after it; one that had its message; a persistent one used again. */
static void cancel_before(void)
{
    MPI_Request r, had, again;
    int value[3] = {0, 0, 0}, flag;

    MPI_Irecv(&value[0], 1, MPI_INT, 0, 90, comm, &r);
    MPI_Irecv(&value[1], 1, MPI_INT, 1, 91, comm, &had);
    MPI_Recv_init(&value[2], 1, MPI_INT, 0, 92, comm, &again);
    MPI_Start(&again);
    send_int(7, 1, 91);
    MPI_Cancel(&r);
    MPI_Cancel(&again);
    receive_int(0, 1);
    MPI_Cancel(&had);
    MPI_Wait(&r, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(flag && value[0] == 0, "cancelled");
    MPI_Wait(&had, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(!flag && value[1] == 7, "had its message: %d", value[1]);
    MPI_Wait(&again, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(flag && value[2] == 0, "cancelled persistent");
    MPI_Start(&again);
    send_int(0, 0, 2);
    MPI_Wait(&again, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(!flag && value[2] == 92, "started again");
    MPI_Request_free(&again);
}

void cancelled_before(void)
{
    if (qt_rank == 1)
        cancel_before();
    if (qt_rank == 0) {
        late();
        send_int(1, 1, 1);
        receive_int(1, 2);
        send_int(92, 1, 92);
    }
}

/* Receives that were freed while active: one gets its message in the drain, one after it; and a persistent one. */
static void receive_freed(void)
{
    static volatile int value[3];
    MPI_Request r;
    int i;

    value[0] = value[1] = value[2] = 0;
    for (i = 0; i < 2; i++) {
        MPI_Irecv((void *)&value[i], 1, MPI_INT, 0, 10 + i, comm, &r);
        MPI_Request_free(&r);
    }
    MPI_Recv_init((void *)&value[2], 1, MPI_INT, 0, 12, comm, &r);
    MPI_Start(&r);
    MPI_Request_free(&r);
    QT_CHECK(r == MPI_REQUEST_NULL, "handle");
    send_int(0, 0, 1);
    receive_int(0, 2);
    QT_CHECK(value[0] == 10, "in the drain: %d", value[0]);
    receive_int(0, 3);
    QT_CHECK(value[1] == 11 && value[2] == 12, "after it: %d %d", value[1], value[2]);
}

void freed_receives(void)
{
    if (qt_rank == 1)
        receive_freed();
    if (qt_rank == 0) {
        receive_int(1, 1);
        send_int(10, 1, 10);
        late();
        send_int(0, 1, 2);
        send_int(11, 1, 11);
        send_int(12, 1, 12);
        send_int(0, 1, 3);
    }
}

/* Everything with nobody, and with nothing, through every kind of request. */
void nobody_and_nothing(void)
{
    MPI_Request r[MANY];
    MPI_Status s[MANY];
    MPI_Message m;
    int i;

    MPI_Recv_init(into, 1, MPI_INT, MPI_PROC_NULL, 1, comm, &r[0]);
    MPI_Ssend_init(big, 1, MPI_INT, MPI_PROC_NULL, 1, comm, &r[1]);
    MPI_Startall(2, r);
    MPI_Irecv(into, 1, MPI_INT, MPI_PROC_NULL, 1, comm, &r[2]);
    MPI_Issend(big, 1, MPI_INT, MPI_PROC_NULL, 1, comm, &r[3]);
    MPI_Irecv(into, 0, MPI_INT, (qt_rank + 1) % qt_size, 2, comm, &r[4]);
    MPI_Issend(big, 0, MPI_INT, (qt_rank + qt_size - 1) % qt_size, 2, comm, &r[5]);
    MPI_Mprobe(MPI_PROC_NULL, 1, comm, &m, &status);
    QT_CHECK(m == MPI_MESSAGE_NO_PROC && status.MPI_SOURCE == MPI_PROC_NULL, "mprobe");
    late_before_a_collective();
    MPI_Mrecv(into, 1, MPI_INT, &m, &status);
    QT_CHECK(m == MPI_MESSAGE_NULL && status.MPI_SOURCE == MPI_PROC_NULL, "mrecv");
    MPI_Waitall(MANY, r, s);
    for (i = 0; i < 4; i += 2)
        QT_CHECK(s[i].MPI_SOURCE == MPI_PROC_NULL && s[i].MPI_TAG == MPI_ANY_TAG, "nobody, %d", i);
    check_elements(&s[4], MPI_INT, 0, 0);
    QT_CHECK(s[4].MPI_SOURCE == (qt_rank + 1) % qt_size && s[4].MPI_TAG == 2, "nothing");
    for (i = 0; i < 2; i++)
        MPI_Request_free(&r[i]);
}

/* Nothing without QUIESCE_TEST_HUGE (and a longer --timeout): a message of more than 2 GiB is kept by the drain. */
void huge_messages(void)
{
    enum { ROW = 1 << 20, ROWS = 2100 };
    MPI_Datatype row;
    MPI_Request r;
    MPI_Count elements;
    char *space;
    size_t i, bad = 0;

    if (getenv("QUIESCE_TEST_HUGE") == NULL || qt_rank > 1)
        return;
    space = malloc((size_t)ROW * ROWS);
    MPI_Type_contiguous(ROW, MPI_CHAR, &row);
    MPI_Type_commit(&row);
    memset(space, 0, (size_t)ROW * ROWS);
    if (qt_rank == 1) {
        for (i = 0; i < (size_t)ROW * ROWS; i++)
            space[i] = (char)(i * 3 + i / 65536);
        MPI_Isend(space, ROWS, row, 0, 1, comm, &r);
        send_int(0, 0, 2);
        MPI_Wait(&r, &status);
    } else {
        receive_int(1, 2);
        late();
        MPI_Recv(space, ROWS, row, 1, 1, comm, &status);
        MPI_Get_elements_x(&status, row, &elements);
        for (i = 0; i < (size_t)ROW * ROWS; i++)
            bad += space[i] != (char)(i * 3 + i / 65536);
        QT_CHECK(bad == 0 && elements == (MPI_Count)ROW * ROWS, "%zu bytes are wrong", bad);
    }
    MPI_Type_free(&row);
    free(space);
}
