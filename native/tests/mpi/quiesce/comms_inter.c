/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Intercommunicators across a checkpoint, made, used and left behind in every way. */
#include "comms.h"

enum { TAG = 4, NUMBERS = 20000, SOME = 7, FULL = 64 };

static MPI_Comm half, inter, copy, splits, created, later, merged_low, merged_high, nested;
static int side, me, mine, others; /* which half, rank in it, sizes of both */

/* Both halves, with their ranks backwards in the second. */
static MPI_Comm intercomm(MPI_Comm *ret_half, int tag)
{
    MPI_Comm made;

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, qt_rank % 2 ? -qt_rank : qt_rank, ret_half);
    MPI_Intercomm_create(*ret_half, 0, MPI_COMM_WORLD,
                         qt_rank % 2 ? 0 : (qt_size - 1) - (qt_size - 1 + 1) % 2, tag, &made);
    return made;
}

static void make(void)
{
    MPI_Comm again;
    MPI_Request r;
    MPI_Group group, some;

    side = qt_rank % 2;
    inter = intercomm(&half, 9);
    MPI_Comm_rank(half, &me);
    MPI_Comm_size(half, &mine);
    others = qt_size - mine;
    MPI_Comm_dup(inter, &copy);
    MPI_Comm_dup(copy, &again);
    MPI_Comm_idup(again, &later, &r);
    MPI_Comm_free(&copy);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    MPI_Comm_dup(again, &copy);
    MPI_Comm_set_name(copy, "both sides");
    MPI_Comm_free(&again);
    MPI_Comm_split(inter, me == 0, -me, &splits);
    MPI_Comm_group(inter, &group);
    MPI_Group_incl(group, 1, (int[]){0}, &some);
    MPI_Comm_create(inter, some, &created);
    MPI_Group_free(&some);
    MPI_Group_free(&group);
    MPI_Intercomm_merge(inter, side, &merged_low);
    MPI_Intercomm_merge(copy, 1, &merged_high);
    MPI_Comm_free(&half);
}

static void use(void)
{
    int flag = -1;

    digest_comm(inter);
    digest_comm(copy);
    digest_comm(later);
    digest_comm(splits);
    digest_comm(created);
    digest_comm(merged_low);
    digest_comm(merged_high);
    MPI_Comm_compare(inter, copy, &flag);
    QT_CHECK(flag == MPI_CONGRUENT, "compare %d", flag);
    digest_int(flag);
}

static void drop(void)
{
    if (splits != MPI_COMM_NULL)
        MPI_Comm_free(&splits);
    if (created != MPI_COMM_NULL)
        MPI_Comm_free(&created);
    MPI_Comm_free(&merged_high);
    MPI_Comm_free(&merged_low);
    MPI_Comm_free(&later);
    MPI_Comm_free(&copy);
    MPI_Comm_disconnect(&inter);
}

/* An intercommunicator between what splits of intercommunicators have made, and a merge of that. */
static void make_nested(void)
{
    MPI_Comm first, parts, one, two;

    first = intercomm(&one, 10);
    MPI_Intercomm_merge(first, 1 - side, &two);
    MPI_Comm_split(two, qt_rank < (qt_size + 1) / 2, qt_rank, &parts);
    MPI_Intercomm_create(parts, 0, MPI_COMM_WORLD,
                         qt_rank < (qt_size + 1) / 2 ? (qt_size + 1) / 2 : 0, 11, &nested);
    MPI_Comm_free(&parts);
    MPI_Comm_free(&two);
    MPI_Comm_free(&one);
    MPI_Comm_free(&first);
}

static void use_nested(void)
{
    MPI_Comm again, all;

    digest_comm(nested);
    MPI_Comm_dup(nested, &again);
    MPI_Intercomm_merge(again, qt_rank < (qt_size + 1) / 2, &all);
    digest_comm(all);
    MPI_Comm_free(&again);
    MPI_Comm_free(&all);
}

static void drop_nested(void)
{
    MPI_Comm_free(&nested);
}

/* ---- messages: to the rank opposite, and from anybody ---- */

static MPI_Comm line, line_half;
static int out[NUMBERS], in[NUMBERS], late_in[NUMBERS], any_in[FULL];
static MPI_Request posted, any, sent;

static void make_messages(void)
{
    side = qt_rank % 2;
    line = intercomm(&line_half, 12);
    MPI_Comm_rank(line_half, &me);
    MPI_Comm_size(line_half, &mine);
    others = qt_size - mine;
}

static void fill(int *numbers, int from, int what)
{
    int i;

    for (i = 0; i < NUMBERS; i++)
        numbers[i] = from * 100003 + what * 7 + i;
}

static void check(const int *numbers, int from, int what)
{
    int i, bad = 0;

    for (i = 0; i < NUMBERS; i++)
        bad += numbers[i] != from * 100003 + what * 7 + i;
    QT_CHECK(bad == 0, "%d numbers of message %d are wrong", bad, what);
}

/* The world rank that is RANK on the other side. */
static int opposite(int rank)
{
    return side ? 2 * rank : 2 * (others - 1 - rank) + 1;
}

static int has_partner(void)
{
    return me < others;
}

/* A large message whose receive comes later, one that a receive waits for, and receives that nothing reaches yet. */
static void start_messages(void)
{
    int nobody[1] = {0};

    posted = any = sent = MPI_REQUEST_NULL;
    MPI_Send(nobody, 1, MPI_INT, MPI_PROC_NULL, TAG, line);
    if (!has_partner())
        return;
    MPI_Irecv(in, NUMBERS, MPI_INT, me, TAG, line, &posted);
    MPI_Irecv(any_in, FULL, MPI_INT, MPI_ANY_SOURCE, TAG + 1, line, &any);
    fill(out, qt_rank, 2);
    MPI_Isend(out, NUMBERS, MPI_INT, me, TAG + 2, line, &sent);
    MPI_Send(&me, 1, MPI_INT, me, TAG + 3, line);
}

static void finish_messages(void)
{
    MPI_Status status;
    int got = -1, n;

    if (!has_partner())
        return;
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, TAG + 3, line, &status);
    QT_CHECK(got == me && status.MPI_SOURCE == me, "small: %d from %d", got, status.MPI_SOURCE);
    MPI_Probe(me, TAG + 2, line, &status);
    MPI_Get_count(&status, MPI_INT, &n);
    MPI_Recv(late_in, NUMBERS, MPI_INT, me, TAG + 2, line, &status);
    QT_CHECK(n == NUMBERS, "probe: %d", n);
    check(late_in, opposite(me), 2);
    MPI_Wait(&sent, MPI_STATUS_IGNORE);
    fill(out, qt_rank, 0);
    MPI_Send(out, NUMBERS, MPI_INT, me, TAG, line);
    MPI_Ssend(out, SOME, MPI_INT, me, TAG + 1, line);
    MPI_Wait(&posted, &status);
    check(in, opposite(me), 0);
    QT_CHECK(status.MPI_SOURCE == me && status.MPI_TAG == TAG, "posted: %d", status.MPI_SOURCE);
    MPI_Wait(&any, &status);
    MPI_Get_count(&status, MPI_INT, &n);
    QT_CHECK(n == SOME && status.MPI_SOURCE == me && any_in[1] == opposite(me) * 100003 + 1,
             "any: %d from %d", n, status.MPI_SOURCE);
}

static void use_messages(void)
{
    int got = -1;

    digest_comm(line);
    digest_comm(line_half);
    if (has_partner())
        MPI_Sendrecv(&qt_rank, 1, MPI_INT, me, TAG + 4, &got, 1, MPI_INT, me, TAG + 4, line,
                     MPI_STATUS_IGNORE);
    digest_int(got);
}

static void drop_messages(void)
{
    MPI_Comm_free(&line_half);
    MPI_Comm_free(&line);
}

/* ---- collectives ---- */

static MPI_Comm talk, talk_half;
static MPI_Request going[4];
static int going_in[4][FULL], going_out[4][FULL];

static void make_collectives(void)
{
    side = qt_rank % 2;
    talk = intercomm(&talk_half, 13);
    MPI_Comm_rank(talk_half, &me);
    MPI_Comm_size(talk_half, &mine);
    others = qt_size - mine;
}

/* The root is rank 0 of side 1. */
static int root(void)
{
    if (side == 0)
        return 0;
    return me == 0 ? MPI_ROOT : MPI_PROC_NULL;
}

static void start_collectives(void)
{
    int i;

    for (i = 0; i < FULL; i++)
        going_out[0][i] = going_out[1][i] = going_out[2][i] = qt_rank * 1000 + i;
    memset(going_in, -1, sizeof(going_in));
    MPI_Iallreduce(going_out[0], going_in[0], SOME, MPI_INT, MPI_SUM, talk, &going[0]);
    if (side == 1)
        memcpy(going_in[1], going_out[1], sizeof(going_in[1]));
    MPI_Ibcast(going_in[1], SOME, MPI_INT, root(), talk, &going[1]);
    MPI_Iallgather(&qt_rank, 1, MPI_INT, going_in[2], 1, MPI_INT, talk, &going[2]);
    MPI_Ibarrier(talk, &going[3]);
}

static void finish_collectives(void)
{
    int i, want = 0;

    MPI_Waitall(4, going, MPI_STATUSES_IGNORE);
    for (i = 0; i < others; i++) {
        want += opposite(i) * 1000;
        QT_CHECK(going_in[2][i] == opposite(i), "gathered %d", going_in[2][i]);
    }
    QT_CHECK(going_in[0][3] == want + 3 * others, "sum %d", going_in[0][3]);
    if (side == 0)
        QT_CHECK(going_in[1][2] == opposite(0) * 1000 + 2, "broadcast %d", going_in[1][2]);
}

static void rooted(void)
{
    int to[FULL], from[FULL], i;

    memset(from, -1, sizeof(from));
    for (i = 0; i < FULL; i++)
        to[i] = qt_rank * 31 + i;
    if (root() == MPI_ROOT)
        memcpy(from, to, sizeof(from));
    MPI_Bcast(from, SOME, MPI_INT, root(), talk);
    digest(from, sizeof(from));
    MPI_Gather(to, 2, MPI_INT, from, 2, MPI_INT, root(), talk);
    digest(from, sizeof(from));
    MPI_Scatter(to, 2, MPI_INT, from, 2, MPI_INT, root(), talk);
    digest(from, sizeof(from));
    MPI_Reduce(to, from, SOME, MPI_INT, MPI_SUM, root(), talk);
    digest(from, sizeof(from));
}

static void use_collectives(void)
{
    int to[FULL], from[FULL], counts[FULL], places[FULL], i;
    MPI_Datatype types[FULL];

    for (i = 0; i < FULL; i++) {
        to[i] = qt_rank * 17 + i;
        counts[i] = 1;
        places[i] = i;
        types[i] = MPI_INT;
    }
    memset(from, -1, sizeof(from));
    MPI_Barrier(talk);
    rooted();
    MPI_Allgather(to, 1, MPI_INT, from, 1, MPI_INT, talk);
    digest(from, sizeof(from));
    MPI_Allgatherv(to, 1, MPI_INT, from, counts, places, MPI_INT, talk);
    digest(from, sizeof(from));
    MPI_Alltoall(to, 1, MPI_INT, from, 1, MPI_INT, talk);
    digest(from, sizeof(from));
    MPI_Alltoallv(to, counts, places, MPI_INT, from, counts, places, MPI_INT, talk);
    digest(from, sizeof(from));
    for (i = 0; i < FULL; i++)
        places[i] = i * (int)sizeof(int);
    MPI_Alltoallw(to, counts, places, types, from, counts, places, types, talk);
    digest(from, sizeof(from));
    MPI_Reduce_scatter_block(to, from, others, MPI_INT, MPI_SUM, talk);
    digest(from, sizeof(from));
}

static void drop_collectives(void)
{
    MPI_Comm_free(&talk_half);
    MPI_Comm_free(&talk);
}

const struct part comms_inter[] = {
    {"intercommunicators", make, NULL, NULL, use, drop},
    {"nested", make_nested, NULL, NULL, use_nested, drop_nested},
    {"messages", make_messages, start_messages, finish_messages, use_messages, drop_messages},
    {"collectives", make_collectives, start_collectives, finish_collectives, use_collectives,
     drop_collectives},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
