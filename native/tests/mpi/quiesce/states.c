/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each state is entered for certain by rank 1 (and the others), and a checkpoint is taken while it lasts: rank 0 is late,
 * asks for the checkpoint, and goes on only when it is over. In the states of collectives rank 0 goes on as soon as the
 * checkpoint has begun, because such a checkpoint converges only when the late rank arrives.
 *
 *     states [NAME...]      all, or the named ones; --list prints the names
 */
#include "qt.h"

enum { BIG = 300000, TAG = 5 };

static MPI_Comm comm; /* a duplicate of the world */
static int number;    /* of the checkpoint asked for */
static int big[BIG], into[BIG];
static MPI_Status status;

/* Rank 0: the others are in the state by now; have the checkpoint taken. */
static void late(void)
{
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("done", number);
}

/* The same, but return when the checkpoint has begun. */
static void late_for_a_collective(void)
{
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("begun", number);
    qt_compute(0.05);
}

static void send_int(int value, int to, int tag)
{
    MPI_Send(&value, 1, MPI_INT, to, tag, comm);
}

static int receive_int(int from, int tag)
{
    int value = -1;

    MPI_Recv(&value, 1, MPI_INT, from, tag, comm, &status);
    return value;
}

/* All ranks leave a state together, by point-to-point messages, so that no collective disturbs it. */
static void leave(void)
{
    int i;

    if (qt_rank == 0)
        for (i = 1; i < qt_size; i++)
            send_int(0, i, 77);
    else
        receive_int(0, 77);
}

/* Rank 0 is late, and nobody goes on to a collective before it. */
static void late_before_a_collective(void)
{
    if (qt_rank == 0)
        late();
    leave();
}

static void check_big(const char *what)
{
    QT_CHECK(memcmp(into, big, sizeof(big)) == 0, "%s: data", what);
}

static void recv_specific(void)
{
    if (qt_rank == 0) {
        late();
        send_int(1001, 1, TAG);
    } else if (qt_rank == 1) {
        QT_CHECK(receive_int(0, TAG) == 1001, "value");
        QT_CHECK(status.MPI_SOURCE == 0 && status.MPI_TAG == TAG, "status");
    }
}

static void recv_any_big(void)
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

static void ssend_unmatched(void)
{
    if (qt_rank == 1)
        MPI_Ssend(big, 5, MPI_INT, 0, 3, comm);
    if (qt_rank == 0) {
        late();
        MPI_Recv(into, 5, MPI_INT, 1, 3, comm, &status);
        QT_CHECK(memcmp(into, big, 20) == 0, "data");
    }
}

static void send_rendezvous(void)
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
static void unexpected_order(void)
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

static void waitall(void)
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

static void waitany(void)
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

static void waitsome(void)
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

static void test_family(void)
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
static void status_of_drained(void)
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

static void probe(void)
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

static void iprobe_and_test(void)
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
static void mprobe_held(void)
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

static void self_and_nobody(void)
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

static void zero_bytes(void)
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
static void strided(void)
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
static void strided_posted(void)
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

static void truncated(void)
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

static void bsend(void)
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

static void rsend(void)
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

static void persistent(void)
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

static void cancelled(void)
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

static void freed_while_active(void)
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

static void sendrecv(void)
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

static void barrier_early(void)
{
    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Barrier(comm);
}

static void bcast_root_ahead(void)
{
    int value = qt_rank == 1 ? 111 : 0;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Bcast(&value, 1, MPI_INT, 1, comm);
    QT_CHECK(value == 111, "value %d", value);
}

static void iallreduce_all(void)
{
    MPI_Request r;
    int one = 1, sum = 0;

    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm, &r);
    if (qt_rank == 0)
        late();
    MPI_Wait(&r, &status);
    QT_CHECK(sum == qt_size, "sum %d", sum);
}

static void iallreduce_some(void)
{
    MPI_Request r;
    int one = 1, sum = 0, flag = 0;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm, &r);
    while (!flag)
        MPI_Test(&r, &flag, &status);
    QT_CHECK(sum == qt_size, "sum %d", sum);
}

static void split_half_entered(void)
{
    MPI_Comm part;
    int sum = 0, expected = 0, i;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Comm_split(comm, qt_rank % 2, -qt_rank, &part);
    MPI_Allreduce(&qt_rank, &sum, 1, MPI_INT, MPI_SUM, part);
    for (i = qt_rank % 2; i < qt_size; i += 2)
        expected += i;
    QT_CHECK(sum == expected, "sum %d", sum);
    MPI_Comm_free(&part);
}

/* Made before the checkpoint, used after it. */
static void communicators(void)
{
    MPI_Comm two, backwards, grouped = MPI_COMM_NULL;
    MPI_Group world, odd;
    int rank, size, i, result, first[1] = {qt_size > 2 ? 2 : 1}, sum = 0;

    MPI_Comm_dup(comm, &two);
    MPI_Comm_split(comm, qt_rank == 0 ? MPI_UNDEFINED : 4, -qt_rank, &backwards);
    MPI_Comm_group(comm, &world);
    MPI_Group_excl(world, 1, first, &odd);
    MPI_Comm_create(comm, odd, &grouped);
    late_before_a_collective();
    MPI_Comm_compare(two, comm, &result);
    QT_CHECK(result == MPI_CONGRUENT, "compare %d", result);
    if (qt_rank == 0) {
        QT_CHECK(backwards == MPI_COMM_NULL, "undefined");
    } else {
        MPI_Comm_rank(backwards, &rank);
        MPI_Comm_size(backwards, &size);
        QT_CHECK(rank == qt_size - 1 - qt_rank && size == qt_size - 1, "ranks in reverse");
        MPI_Bcast(&sum, 1, MPI_INT, 0, backwards);
        MPI_Comm_free(&backwards);
    }
    MPI_Group_size(odd, &size);
    QT_CHECK(size == qt_size - 1, "group");
    MPI_Group_translate_ranks(odd, 1, (int[]){size - 1}, world, &i);
    QT_CHECK(i == (qt_size > 2 && first[0] != qt_size - 1 ? qt_size - 1 : qt_size - 2),
             "translate");
    if (grouped != MPI_COMM_NULL) {
        MPI_Allreduce((int[]){1}, &sum, 1, MPI_INT, MPI_SUM, grouped);
        QT_CHECK(sum == size, "comm_create");
        MPI_Comm_free(&grouped);
    }
    MPI_Group_free(&odd);
    MPI_Group_free(&world);
    MPI_Comm_free(&two);
}

static void cartesian(void)
{
    MPI_Comm ring;
    int source, dest, in = -1, coords[1], periodic[1] = {1}, sizes[1] = {qt_size};

    MPI_Cart_create(comm, 1, sizes, periodic, 0, &ring);
    late_before_a_collective();
    MPI_Cart_coords(ring, qt_rank, 1, coords);
    QT_CHECK(coords[0] == qt_rank, "coordinates");
    MPI_Cart_shift(ring, 0, 1, &source, &dest);
    MPI_Sendrecv(&qt_rank, 1, MPI_INT, dest, 1, &in, 1, MPI_INT, source, 1, ring, &status);
    QT_CHECK(in == (qt_rank + qt_size - 1) % qt_size, "neighbour %d", in);
    MPI_Comm_free(&ring);
}

struct record {
    char name[3];
    double value;
    int more[2];
};

static void derived_types(void)
{
    MPI_Datatype record, part, resized;
    MPI_Aint places[3] = {offsetof(struct record, name), offsetof(struct record, value),
                          offsetof(struct record, more)};
    int lengths[3] = {3, 1, 2};
    MPI_Datatype types[3] = {MPI_CHAR, MPI_DOUBLE, MPI_INT};
    struct record out[2] = {{"ab", 1.5, {1, 2}}, {"cd", 2.5, {3, 4}}}, in[2];

    MPI_Type_create_struct(3, lengths, places, types, &part);
    MPI_Type_create_resized(part, 0, sizeof(struct record), &resized);
    MPI_Type_dup(resized, &record);
    MPI_Type_commit(&record);
    MPI_Type_free(&part);
    MPI_Type_free(&resized);
    memset(in, 0, sizeof(in));
    if (qt_rank == 1)
        MPI_Send(out, 2, record, 0, 1, comm);
    if (qt_rank == 0) {
        late();
        MPI_Recv(in, 2, record, 1, 1, comm, &status);
        QT_CHECK(strcmp(in[1].name, "cd") == 0 && in[1].value == 2.5 && in[1].more[1] == 4, "kept");
        MPI_Send(out, 2, record, 1, 2, comm);
    }
    if (qt_rank == 1) {
        MPI_Recv(in, 2, record, 0, 2, comm, &status);
        QT_CHECK(strcmp(in[0].name, "ab") == 0 && in[1].value == 2.5 && in[0].more[1] == 2, "new");
    }
    MPI_Type_free(&record);
}

static void concatenate(void *in, void *inout, int *count, MPI_Datatype *type)
{
    int i, *a = in, *b = inout;

    for (i = 0; i < *count; i++)
        b[i] = a[i] * 10 + b[i];
    QT_CHECK(*type == MPI_INT, "type in the operation");
}

static void user_operation(void)
{
    MPI_Op op;
    MPI_Request r;
    int digit = qt_rank + 1, number_made = 0, expected = 0, again = 0, i;

    MPI_Op_create(concatenate, 0, &op);
    MPI_Iallreduce(&digit, &again, 1, MPI_INT, op, comm, &r);
    late_before_a_collective();
    MPI_Wait(&r, &status);
    MPI_Allreduce(&digit, &number_made, 1, MPI_INT, op, comm);
    for (i = 0; i < qt_size; i++)
        expected = expected * 10 + i + 1;
    QT_CHECK(number_made == expected, "made %d", number_made);
    QT_CHECK(again == expected, "made before %d", again);
    MPI_Op_free(&op);
}

static int copies, deletions;

static int copy_value(MPI_Comm old, int key, void *extra, void *in, void *out, int *flag)
{
    (void)old, (void)key, (void)extra;
    copies++;
    *(void **)out = (char *)in + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete_value(MPI_Comm old, int key, void *value, void *extra)
{
    (void)old, (void)key, (void)value, (void)extra;
    deletions++;
    return MPI_SUCCESS;
}

static void attributes(void)
{
    MPI_Comm with, copy;
    void *value = NULL;
    int key, flag = 0, *bound;

    copies = deletions = 0;
    MPI_Comm_create_keyval(copy_value, delete_value, &key, NULL);
    MPI_Comm_dup(comm, &with);
    MPI_Comm_set_attr(with, key, big);
    late_before_a_collective();
    MPI_Comm_get_attr(with, key, &value, &flag);
    QT_CHECK(flag && value == big, "value");
    MPI_Comm_dup(with, &copy);
    MPI_Comm_get_attr(copy, key, &value, &flag);
    QT_CHECK(flag && value == (char *)big + 1 && copies == 1, "copied");
    MPI_Comm_free(&copy);
    MPI_Comm_free(&with);
    QT_CHECK(deletions == 2, "deleted %d times", deletions);
    MPI_Comm_free_keyval(&key);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &bound, &flag);
    QT_CHECK(flag && *bound >= 32767, "tag_ub");
}

static int handled;

static void handle(MPI_Comm *where, int *code, ...)
{
    int class;

    (void)where;
    MPI_Error_class(*code, &class);
    handled = class;
}

static void error_handlers(void)
{
    MPI_Errhandler mine;
    MPI_Comm with, copy;
    int rc, class;

    handled = 0;
    MPI_Comm_dup(comm, &with);
    MPI_Comm_create_errhandler(handle, &mine);
    MPI_Comm_set_errhandler(with, mine);
    MPI_Errhandler_free(&mine);
    late_before_a_collective();
    rc = MPI_Send(big, 1, MPI_INT, qt_size + 5, 0, with);
    MPI_Error_class(rc, &class);
    QT_CHECK(handled == MPI_ERR_RANK && class == MPI_ERR_RANK, "handled %d, returned %d", handled,
             rc);
    MPI_Comm_dup(with, &copy);
    handled = 0;
    MPI_Send(big, -1, MPI_INT, 0, 0, copy);
    QT_CHECK(handled == MPI_ERR_COUNT, "inherited: %d", handled);
    MPI_Comm_free(&copy);
    MPI_Comm_free(&with);
}

static const struct state {
    const char *name;
    void (*run)(void);
} states[] = {
    {"recv", recv_specific},
    {"recv-any-big", recv_any_big},
    {"ssend-unmatched", ssend_unmatched},
    {"send-rendezvous", send_rendezvous},
    {"unexpected-order", unexpected_order},
    {"waitall", waitall},
    {"waitany", waitany},
    {"waitsome", waitsome},
    {"test-family", test_family},
    {"status-of-drained", status_of_drained},
    {"probe", probe},
    {"iprobe-test", iprobe_and_test},
    {"mprobe-held", mprobe_held},
    {"self-nobody", self_and_nobody},
    {"zero-bytes", zero_bytes},
    {"strided", strided},
    {"strided-posted", strided_posted},
    {"truncated", truncated},
    {"bsend", bsend},
    {"rsend", rsend},
    {"persistent", persistent},
    {"cancelled", cancelled},
    {"freed-active", freed_while_active},
    {"sendrecv", sendrecv},
    {"barrier-early", barrier_early},
    {"bcast-root-ahead", bcast_root_ahead},
    {"iallreduce-all", iallreduce_all},
    {"iallreduce-some", iallreduce_some},
    {"split-half-entered", split_half_entered},
    {"communicators", communicators},
    {"cartesian", cartesian},
    {"derived-types", derived_types},
    {"user-operation", user_operation},
    {"attributes", attributes},
    {"error-handlers", error_handlers},
};
enum { STATES = sizeof(states) / sizeof(*states) };

static int chosen(int argc, char **argv, const char *name)
{
    int i;

    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc == 1;
}

static void run(int i)
{
    int k, before = qt_wrong, all = 0, wrong;

    MPI_Barrier(MPI_COMM_WORLD);
    number = i + 1;
    for (k = 0; k < BIG; k++)
        big[k] = number * 1000 + k;
    memset(into, 0, sizeof(into));
    states[i].run();
    leave();
    wrong = qt_wrong - before;
    MPI_Reduce(&wrong, &all, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (qt_rank == 0) {
        printf("%s %s\n", all ? "not ok" : "ok", states[i].name);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    int i, all = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (i = 0; i < STATES; i++)
            puts(states[i].name);
        return 0;
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    for (i = 0; i < STATES; i++)
        if (chosen(argc, argv, states[i].name))
            run(i);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return all != 0;
}
