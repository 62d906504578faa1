/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States of the product: blocking messages, and messages that nobody has received yet. */
#include "product.h"

static void computing(struct side *s)
{
    inside(s);
    compute(s);
}

static void idle(struct side *s)
{
    late(s);
}

static void recv_specific(struct side *s)
{
    inside(s);
    receive_numbers(s, 1, SMALL, TAG);
}

static void send_small_late(struct side *s)
{
    late(s);
    send_numbers(s, 1, SMALL, TAG);
}

static void recv_any_source(struct side *s)
{
    inside(s);
    MPI_Recv(in, BIG, MPI_INT, MPI_ANY_SOURCE, TAG, s->comm, &status);
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
}

static void recv_any_tag(struct side *s)
{
    inside(s);
    MPI_Recv(in, BIG, MPI_INT, s->peer, MPI_ANY_TAG, s->comm, &status);
    check(s, 1, BIG);
    check_status(s, TAG, BIG);
}

static void send_big_late(struct side *s)
{
    late(s);
    send_numbers(s, 1, BIG, TAG);
}

static void receive_big_late(struct side *s)
{
    late(s);
    receive_numbers(s, 1, BIG, TAG);
}

/* Eight small messages in flight; their order is kept. */
static void send_eager(struct side *s)
{
    int i;

    for (i = 0; i < 8; i++)
        send_numbers(s, i, i, TAG + i % 2);
    inside(s);
    compute(s);
}

static void receive_in_order(struct side *s)
{
    int i;

    late(s);
    for (i = 0; i < 8; i++) {
        MPI_Recv(in, BIG, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &status);
        check(s, i, i);
        check_status(s, TAG + i % 2, i);
    }
}

static void send_rendezvous(struct side *s)
{
    fill(s, 1, BIG);
    inside(s);
    MPI_Send(out, BIG, MPI_INT, s->peer, TAG, s->comm);
}

static void ssend(struct side *s)
{
    fill(s, 1, SMALL);
    inside(s);
    MPI_Ssend(out, SMALL, MPI_INT, s->peer, TAG, s->comm);
}

static void receive_small_late(struct side *s)
{
    late(s);
    receive_numbers(s, 1, SMALL, TAG);
}

/* The receive is posted, but its owner does not come into MPI to take the data. */
static void rsend(struct side *s)
{
    int go;

    fill(s, 1, BIG);
    MPI_Recv(&go, 1, MPI_INT, s->peer, TAG, s->comm, MPI_STATUS_IGNORE);
    inside(s);
    MPI_Rsend(out, BIG, MPI_INT, s->peer, TAG, s->comm);
}

static void posted_big(struct side *s)
{
    MPI_Request r;

    MPI_Irecv(in, BIG, MPI_INT, s->peer, TAG, s->comm, &r);
    MPI_Send(&s->number, 1, MPI_INT, s->peer, TAG, s->comm);
    late(s);
    MPI_Wait(&r, &status);
    check(s, 1, BIG);
    check_status(s, TAG, BIG);
}

static char space[2 * BIG * sizeof(int) + 4 * MPI_BSEND_OVERHEAD];

/* Blocked in Buffer_detach, which waits for both. */
static void bsend(struct side *s)
{
    void *address;
    int size;

    MPI_Buffer_attach(space, sizeof(space));
    fill(s, 1, BIG);
    MPI_Bsend(out, BIG, MPI_INT, s->peer, TAG, s->comm);
    fill(s, 2, SMALL);
    MPI_Bsend(out, SMALL, MPI_INT, s->peer, TAG, s->comm);
    fill(s, 3, BIG);
    inside(s);
    MPI_Buffer_detach(&address, &size);
    QT_CHECK(address == space && size == (int)sizeof(space), "detached");
}

static void receive_both_late(struct side *s)
{
    late(s);
    receive_numbers(s, 1, BIG, TAG);
    receive_numbers(s, 2, SMALL, TAG);
}

static void sendrecv(struct side *s)
{
    fill(s, s->is_self, BIG);
    if (s->is_self)
        inside(s);
    else
        late(s);
    MPI_Sendrecv(out, BIG, MPI_INT, s->peer, TAG, in, BIG, MPI_INT, MPI_ANY_SOURCE, TAG, s->comm,
                 &status);
    check(s, !s->is_self, BIG);
    check_status(s, TAG, BIG);
    memcpy(in, out, sizeof(in));
    MPI_Sendrecv_replace(in, BIG, MPI_INT, s->peer, TAG, s->peer, TAG, s->comm, &status);
    check(s, !s->is_self, BIG);
}

/* At the border of a grid: one neighbour is nobody, the other one is late. */
static void nobody(struct side *s)
{
    MPI_Request r;

    MPI_Irecv(out, 1, MPI_INT, MPI_PROC_NULL, TAG, s->comm, &r);
    MPI_Send(out, 1, MPI_INT, MPI_PROC_NULL, TAG, s->comm);
    inside(s);
    MPI_Sendrecv(out, 1, MPI_INT, MPI_PROC_NULL, TAG, in, SMALL, MPI_INT, s->peer, TAG, s->comm,
                 &status);
    check(s, 1, SMALL);
    check_status(s, TAG, SMALL);
    MPI_Wait(&r, &status);
    QT_CHECK(status.MPI_SOURCE == MPI_PROC_NULL && status.MPI_TAG == MPI_ANY_TAG, "nobody's");
    MPI_Recv(in, 1, MPI_INT, MPI_PROC_NULL, TAG, s->comm, &status);
    QT_CHECK(status.MPI_SOURCE == MPI_PROC_NULL, "nobody");
}

/* One message to myself is in flight, another receive from myself is posted. */
static void myself(struct side *s)
{
    MPI_Request r;
    int first = s->number, second = 0, kept = 0;

    MPI_Send(&first, 1, MPI_INT, s->me, TAG, s->comm);
    MPI_Irecv(&second, 1, MPI_INT, s->me, TAG + 1, s->comm, &r);
    inside(s);
    compute(s);
    first++;
    MPI_Send(&first, 1, MPI_INT, s->me, TAG + 1, s->comm);
    MPI_Wait(&r, &status);
    MPI_Recv(&kept, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, s->comm, &status);
    QT_CHECK(kept == s->number && second == s->number + 1, "%d %d", kept, second);
    QT_CHECK(status.MPI_SOURCE == s->me && status.MPI_TAG == TAG, "status");
}

const struct state product_messages[] = {
    {"computing", computing, idle, NULL},
    {"recv", recv_specific, send_small_late, NULL},
    {"recv-any-source", recv_any_source, send_small_late, NULL},
    {"recv-any-tag-big", recv_any_tag, send_big_late, NULL},
    {"send-eager", send_eager, receive_in_order, NULL},
    {"send-rendezvous", send_rendezvous, receive_big_late, NULL},
    {"ssend", ssend, receive_small_late, NULL},
    {"rsend", rsend, posted_big, NULL},
    {"bsend-detach", bsend, receive_both_late, NULL},
    {"sendrecv", sendrecv, sendrecv, NULL},
    {"proc-null", nobody, send_small_late, NULL},
    {"to-myself", myself, idle, NULL},
    {NULL, NULL, NULL, NULL},
};
