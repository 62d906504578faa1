/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States of the product: requests, the families of Wait and Test, probes. */
#include "product.h"

static int more[4][SMALL];

static void send_small_late(struct side *s)
{
    late(s);
    send_numbers(s, 1, SMALL, TAG);
}

/* All modes; the large ones are pending, the small buffered one is done. */
static void isend_modes(struct side *s)
{
    static char space[BIG * sizeof(int) + 2 * MPI_BSEND_OVERHEAD];
    MPI_Request r[4];
    void *address;
    int go, size, i;

    MPI_Buffer_attach(space, sizeof(space));
    fill(s, 1, BIG);
    MPI_Recv(&go, 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
    MPI_Isend(out, BIG, MPI_INT, s->peer, TAG, s->comm, &r[0]);
    MPI_Issend(out, SMALL, MPI_INT, s->peer, TAG + 1, s->comm, &r[1]);
    MPI_Irsend(out, BIG, MPI_INT, s->peer, TAG + 2, s->comm, &r[2]);
    MPI_Ibsend(out, BIG, MPI_INT, s->peer, TAG + 3, s->comm, &r[3]);
    inside(s);
    MPI_Waitall(4, r, MPI_STATUSES_IGNORE);
    for (i = 0; i < 4; i++)
        QT_CHECK(r[i] == MPI_REQUEST_NULL, "handle %d", i);
    MPI_Buffer_detach(&address, &size);
}

static void receive_modes(struct side *s)
{
    MPI_Request r;

    MPI_Irecv(in, BIG, MPI_INT, s->peer, TAG + 2, s->comm, &r);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
    late(s);
    MPI_Wait(&r, &status);
    check(s, 1, BIG);
    receive_numbers(s, 1, BIG, TAG + 3);
    receive_numbers(s, 1, SMALL, TAG + 1);
    receive_numbers(s, 1, BIG, TAG);
}

static void irecv_wait(struct side *s)
{
    MPI_Request r;

    MPI_Irecv(in, BIG, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &r);
    inside(s);
    MPI_Wait(&r, &status);
    QT_CHECK(r == MPI_REQUEST_NULL, "handle");
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
}

static void irecv_test(struct side *s)
{
    MPI_Request r;
    int flag = 0;

    MPI_Irecv(in, SMALL, MPI_INT, s->peer, TAG, s->comm, &r);
    inside(s);
    while (!flag)
        MPI_Test(&r, &flag, &status);
    QT_CHECK(r == MPI_REQUEST_NULL, "handle");
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
}

/* Four receives, of which number 2 is done and the others are not. */
static void mixed_begin(struct side *s, MPI_Request r[4])
{
    int i;

    for (i = 0; i < 4; i++)
        MPI_Irecv(more[i], SMALL, MPI_INT, s->peer, TAG + i, s->comm, &r[i]);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
    MPI_Recv(in, 1, MPI_INT, s->peer, TAG + 9, s->comm, MPI_STATUS_IGNORE);
}

static void mixed_check(struct side *s, int i, const MPI_Status *got)
{
    status = *got;
    memcpy(in, more[i], sizeof(more[i]));
    check(s, i, SMALL);
    check_status(s, TAG + i, SMALL);
}

static void mixed_partner(struct side *s)
{
    MPI_Recv(in, 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
    send_numbers(s, 2, SMALL, TAG + 2);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG + 9, s->comm);
    late(s);
    send_numbers(s, 3, SMALL, TAG + 3);
    send_numbers(s, 0, SMALL, TAG);
    send_numbers(s, 1, SMALL, TAG + 1);
}

static void waitall_mixed(struct side *s)
{
    MPI_Request r[4];
    MPI_Status st[4];
    int i;

    mixed_begin(s, r);
    inside(s);
    MPI_Waitall(4, r, st);
    for (i = 0; i < 4; i++)
        mixed_check(s, i, &st[i]);
}

static void testall_mixed(struct side *s)
{
    MPI_Request r[4];
    MPI_Status st[4];
    int i, flag = 0;

    mixed_begin(s, r);
    inside(s);
    while (!flag)
        MPI_Testall(4, r, &flag, st);
    for (i = 0; i < 4; i++)
        mixed_check(s, i, &st[i]);
}

static void waitany_mixed(struct side *s)
{
    MPI_Request r[4];
    MPI_Status st;
    int i, index, seen = 0;

    mixed_begin(s, r);
    MPI_Wait(&r[2], &st);
    mixed_check(s, 2, &st);
    inside(s);
    for (i = 0; i < 3; i++) {
        MPI_Waitany(4, r, &index, &st);
        mixed_check(s, index, &st);
        seen |= 1 << index;
    }
    QT_CHECK(seen == 11, "seen %x", seen);
    MPI_Waitany(4, r, &index, &st);
    QT_CHECK(index == MPI_UNDEFINED, "nothing left");
}

static void testany_mixed(struct side *s)
{
    MPI_Request r[4];
    MPI_Status st;
    int index, flag, seen = 0;

    mixed_begin(s, r);
    inside(s);
    while (seen != 15) {
        MPI_Testany(4, r, &index, &flag, &st);
        if (!flag)
            continue;
        mixed_check(s, index, &st);
        seen |= 1 << index;
    }
}

static void some_mixed(struct side *s, int (*some)(int, MPI_Request *, int *, int *, MPI_Status *))
{
    MPI_Request r[4];
    MPI_Status st[4];
    int i, count, index[4], seen = 0;

    mixed_begin(s, r);
    inside(s);
    while (seen != 15) {
        some(4, r, &count, index, st);
        for (i = 0; i < count; i++) {
            QT_CHECK(!(seen & 1 << index[i]), "%d twice", index[i]);
            mixed_check(s, index[i], &st[i]);
            seen |= 1 << index[i];
        }
    }
    some(4, r, &count, index, st);
    QT_CHECK(count == MPI_UNDEFINED, "nothing left");
}

static void waitsome_mixed(struct side *s)
{
    some_mixed(s, MPI_Waitsome);
}

static void testsome_mixed(struct side *s)
{
    some_mixed(s, MPI_Testsome);
}

/* Done before the checkpoint or in its drain; the application asks afterwards. */
static void unasked(struct side *s)
{
    MPI_Request r;
    int flag = 0;

    MPI_Irecv(in, BIG, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &r);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
    inside(s);
    compute(s);
    while (!flag)
        MPI_Request_get_status(r, &flag, &status);
    check_status(s, TAG, BIG);
    memset(&status, 0, sizeof(status));
    MPI_Wait(&r, &status);
    check(s, 1, BIG);
    check_status(s, TAG, BIG);
}

static void send_unasked(struct side *s)
{
    MPI_Request r;

    MPI_Recv(in, 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
    fill(s, 1, BIG);
    MPI_Isend(out, BIG, MPI_INT, s->peer, TAG, s->comm, &r);
    late(s);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
}

static void freed_request(struct side *s)
{
    MPI_Request r;

    fill(s, 1, BIG);
    MPI_Isend(out, BIG, MPI_INT, s->peer, TAG, s->comm, &r);
    MPI_Request_free(&r);
    inside(s);
    MPI_Recv(more[0], 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
}

static void receive_freed(struct side *s)
{
    late(s);
    receive_numbers(s, 1, BIG, TAG);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
}

static void cancelled(struct side *s)
{
    MPI_Request r;
    int flag = 0;

    MPI_Irecv(out, 1, MPI_INT, s->peer, TAG + 1, s->comm, &r);
    inside(s);
    receive_numbers(s, 1, SMALL, TAG);
    MPI_Cancel(&r);
    MPI_Wait(&r, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(flag, "cancelled");
}

/* One started and waited for, one that is not started, both used again. */
static void persistent(struct side *s)
{
    MPI_Request r, idle;
    int i;

    MPI_Recv_init(in, BIG, MPI_INT, s->peer, TAG, s->comm, &r);
    MPI_Recv_init(more[1], SMALL, MPI_INT, s->peer, TAG + 1, s->comm, &idle);
    inside(s);
    for (i = 0; i < 2; i++) {
        MPI_Start(&r);
        MPI_Wait(&r, &status);
        QT_CHECK(r != MPI_REQUEST_NULL, "kept");
        check(s, i, BIG);
        check_status(s, TAG, BIG);
    }
    MPI_Start(&idle);
    MPI_Wait(&idle, &status);
    mixed_check(s, 1, &status);
    MPI_Request_free(&r);
    MPI_Request_free(&idle);
}

static void persistent_partner(struct side *s)
{
    MPI_Request r;
    int i;

    MPI_Ssend_init(out, BIG, MPI_INT, s->peer, TAG, s->comm, &r);
    late(s);
    for (i = 0; i < 2; i++) {
        fill(s, i, BIG);
        MPI_Start(&r);
        MPI_Wait(&r, &status);
    }
    MPI_Request_free(&r);
    send_numbers(s, 1, SMALL, TAG + 1);
}

/* All modes, started twice, the first time across the checkpoint. */
static void persistent_modes(struct side *s)
{
    static char space[BIG * sizeof(int) + 2 * MPI_BSEND_OVERHEAD];
    MPI_Request r[4];
    void *address;
    int go, size, i, k;

    MPI_Buffer_attach(space, sizeof(space));
    MPI_Send_init(out, BIG, MPI_INT, s->peer, TAG, s->comm, &r[0]);
    MPI_Ssend_init(out, SMALL, MPI_INT, s->peer, TAG + 1, s->comm, &r[1]);
    MPI_Rsend_init(out, BIG, MPI_INT, s->peer, TAG + 2, s->comm, &r[2]);
    MPI_Bsend_init(out, BIG, MPI_INT, s->peer, TAG + 3, s->comm, &r[3]);
    for (i = 0; i < 2; i++) {
        fill(s, i, BIG);
        MPI_Recv(&go, 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
        MPI_Startall(4, r);
        if (i == 0)
            inside(s);
        MPI_Waitall(4, r, MPI_STATUSES_IGNORE);
    }
    for (k = 0; k < 4; k++)
        MPI_Request_free(&r[k]);
    MPI_Buffer_detach(&address, &size);
}

static void receive_persistent(struct side *s)
{
    MPI_Request r;
    int i;

    for (i = 0; i < 2; i++) {
        MPI_Irecv(in, BIG, MPI_INT, s->peer, TAG + 2, s->comm, &r);
        MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
        if (i == 0)
            late(s);
        MPI_Wait(&r, &status);
        check(s, i, BIG);
        receive_numbers(s, i, BIG, TAG + 3);
        receive_numbers(s, i, SMALL, TAG + 1);
        receive_numbers(s, i, BIG, TAG);
    }
}

static void probe(struct side *s)
{
    inside(s);
    MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &status);
    check_status(s, TAG, SMALL);
    receive_numbers(s, 1, SMALL, TAG);
}

static void iprobe(struct side *s)
{
    int flag = 0;

    inside(s);
    while (!flag)
        MPI_Iprobe(s->peer, TAG, s->comm, &flag, &status);
    check_status(s, TAG, SMALL);
    receive_numbers(s, 1, SMALL, TAG);
}

static void mprobe(struct side *s)
{
    MPI_Message message;

    inside(s);
    MPI_Mprobe(MPI_ANY_SOURCE, TAG, s->comm, &message, &status);
    MPI_Mrecv(in, BIG, MPI_INT, &message, &status);
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
}

/* One small and one large message matched, not received. */
static void message_held(struct side *s)
{
    MPI_Message small, large;
    MPI_Request r;
    int flag = 0;

    MPI_Mprobe(s->peer, TAG, s->comm, &small, &status);
    while (!flag)
        MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &flag, &large, &status);
    inside(s);
    compute(s);
    MPI_Imrecv(in, BIG, MPI_INT, &large, &r);
    MPI_Wait(&r, &status);
    check(s, 2, BIG);
    check_status(s, TAG + 1, BIG);
    MPI_Mrecv(in, BIG, MPI_INT, &small, &status);
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
    QT_CHECK(small == MPI_MESSAGE_NULL && large == MPI_MESSAGE_NULL, "handles");
}

static void send_held(struct side *s)
{
    MPI_Request r;

    send_numbers(s, 1, SMALL, TAG);
    fill(s, 2, BIG);
    MPI_Isend(out, BIG, MPI_INT, s->peer, TAG + 1, s->comm, &r);
    late(s);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
}

const struct state product_requests[] = {
    {"isend-modes", isend_modes, receive_modes, NULL},
    {"irecv-wait", irecv_wait, send_small_late, NULL},
    {"irecv-test", irecv_test, send_small_late, NULL},
    {"waitall-mixed", waitall_mixed, mixed_partner, NULL},
    {"testall-mixed", testall_mixed, mixed_partner, NULL},
    {"waitany-mixed", waitany_mixed, mixed_partner, NULL},
    {"testany-mixed", testany_mixed, mixed_partner, NULL},
    {"waitsome-mixed", waitsome_mixed, mixed_partner, NULL},
    {"testsome-mixed", testsome_mixed, mixed_partner, NULL},
    {"done-unasked", unasked, send_unasked, NULL},
    {"freed-request", freed_request, receive_freed, NULL},
    {"cancelled", cancelled, send_small_late, NULL},
    {"persistent", persistent, persistent_partner, NULL},
    {"persistent-modes", persistent_modes, receive_persistent, NULL},
    {"probe", probe, send_small_late, NULL},
    {"iprobe", iprobe, send_small_late, NULL},
    {"mprobe", mprobe, send_small_late, NULL},
    {"message-held", message_held, send_held, NULL},
    {NULL, NULL, NULL, NULL},
};
