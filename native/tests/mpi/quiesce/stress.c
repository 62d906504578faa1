/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random but legal program: all ranks draw the same list of operations from the seed, and each plays its part. Every byte,
 * order and status is checked. An operation blocks at most until its other participants have reached it, so the list as a
 * whole cannot deadlock.
 *
 *     stress SEED SECONDS [LEVEL]     LEVEL: 0 MPI_THREAD_SINGLE ... 3 MPI_THREAD_MULTIPLE
 */
#include "qt.h"

#include <stdint.h>

enum { MOST = 70000, PENDING = 64, COMMS = 3, GATHER_TAG = 1000, SHIFT_TAG = 40000 };

static uint64_t state;
static unsigned operation;
static MPI_Comm comms[COMMS], low, high; /* comms[2] has its ranks in reverse */
static unsigned out[MOST], in[MOST];
static long messages, collectives;

static unsigned draw(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 11) % below;
}

static void fill(unsigned *b, int count, unsigned id)
{
    int i;

    for (i = 0; i < count; i++)
        b[i] = id * 2654435761u + (unsigned)i;
}

static int is(const unsigned *b, int count, unsigned id)
{
    int i;

    for (i = 0; i < count; i++)
        if (b[i] != id * 2654435761u + (unsigned)i)
            return 0;
    return 1;
}

static int in_comm(int c, int rank)
{
    return c == 2 ? qt_size - 1 - rank : rank;
}

/* ---- what was started and not waited for ---- */

static struct pending {
    MPI_Request request;
    unsigned *buffer;
    int count, source, tag; /* source -1: a send */
    unsigned id;
} pending[PENDING];
static int pending_count;

static struct pending *pend(int count, int source, int tag)
{
    struct pending *p = &pending[pending_count++];

    p->buffer = malloc(sizeof(unsigned) * (size_t)(count + 1));
    p->count = count;
    p->source = source;
    p->tag = tag;
    p->id = operation;
    return p;
}

static void check_receive(const unsigned *b, const MPI_Status *s, int source, int tag, int count,
                          unsigned id)
{
    int got;

    MPI_Get_count(s, MPI_UNSIGNED, &got);
    QT_CHECK(s->MPI_SOURCE == source && s->MPI_TAG == tag && got == count,
             "operation %u: source %d for %d, tag %d for %d, count %d for %d", id, s->MPI_SOURCE,
             source, s->MPI_TAG, tag, got, count);
    QT_CHECK(is(b, count, id), "operation %u: data", id);
}

static void finish(int i, const MPI_Status *s)
{
    struct pending *p = &pending[i];

    if (p->source >= 0)
        check_receive(p->buffer, s, p->source, p->tag, p->count, p->id);
    free(p->buffer);
}

static void wait_each(MPI_Request *r, int how)
{
    MPI_Status s[PENDING];
    int index[PENDING], done = 0, count, i, k, flag;

    while (done < pending_count) {
        if (how == 1) {
            MPI_Waitany(pending_count, r, &index[0], s);
            count = 1;
        } else if (how == 2) {
            MPI_Waitsome(pending_count, r, &count, index, s);
        } else {
            for (flag = 0, i = done; !flag;)
                how == 3 ? (flag = 1, MPI_Wait(&r[i], s)) : MPI_Test(&r[i], &flag, s);
            index[0] = i;
            count = 1;
        }
        for (k = 0; k < count; k++)
            finish(index[k], &s[k]);
        done += count;
    }
}

static void wait_pending(int how)
{
    MPI_Request r[PENDING];
    MPI_Status s[PENDING];
    int i, flag = 0;

    if (pending_count == 0)
        return;
    for (i = 0; i < pending_count; i++)
        r[i] = pending[i].request;
    if (how == 0 || how == 5) {
        if (how == 0)
            MPI_Waitall(pending_count, r, s);
        while (how == 5 && !flag)
            MPI_Testall(pending_count, r, &flag, s);
        for (i = 0; i < pending_count; i++)
            finish(i, &s[i]);
    } else {
        wait_each(r, how);
    }
    pending_count = 0;
}

/* ---- one message ---- */

static void send_message(int how, int count, int to, int tag, int c)
{
    struct pending *p;

    if (how < 2) {
        fill(out, count, operation);
        how == 0 ? MPI_Send(out, count, MPI_UNSIGNED, to, tag, comms[c])
                 : MPI_Ssend(out, count, MPI_UNSIGNED, to, tag, comms[c]);
        return;
    }
    p = pend(count, -1, tag);
    fill(p->buffer, count, operation);
    if (how == 2)
        MPI_Isend(p->buffer, count, MPI_UNSIGNED, to, tag, comms[c], &p->request);
    else
        MPI_Issend(p->buffer, count, MPI_UNSIGNED, to, tag, comms[c], &p->request);
}

static void receive_message(int how, int count, int from, int tag, int wanted, int c, int slack)
{
    MPI_Message m;
    MPI_Status s;
    struct pending *p;
    int flag = 0;

    if (how < 3) {
        p = pend(count, from, tag);
        MPI_Irecv(p->buffer, count, MPI_UNSIGNED, from, wanted, comms[c], &p->request);
        return;
    }
    if (how == 4) {
        MPI_Probe(from, wanted, comms[c], &s);
        QT_CHECK(s.MPI_TAG == tag && s.MPI_SOURCE == from, "operation %u: probe", operation);
    }
    while (how == 5 && !flag)
        MPI_Iprobe(from, wanted, comms[c], &flag, &s);
    if (how == 6) {
        MPI_Mprobe(from, wanted, comms[c], &m, &s);
        MPI_Mrecv(in, count + slack, MPI_UNSIGNED, &m, &s);
    } else {
        MPI_Recv(in, count + slack, MPI_UNSIGNED, from, wanted, comms[c], &s);
    }
    check_receive(in, &s, from, tag, count, operation);
}

static void message(void)
{
    static const int sizes[] = {0, 1, 2, 17, 300, 1000, 5000, 20000, MOST - 8};
    int a = (int)draw((unsigned)qt_size), b = (int)draw((unsigned)qt_size), c = (int)draw(COMMS);
    int tag = (int)draw(4), count = sizes[draw(9)], send = (int)draw(4), receive = (int)draw(7);
    int wanted = draw(3) ? tag : MPI_ANY_TAG, slack = (int)draw(5);

    messages++;
    if (a == b && (send < 2 || receive > 2)) /* to oneself without blocking */
        send = 2, receive = 0;
    if (qt_rank == a && a != b)
        send_message(send, count, in_comm(c, b), tag, c);
    if (qt_rank == b)
        receive_message(receive, count, in_comm(c, a), tag, wanted, c, slack);
    if (qt_rank == a && a == b)
        send_message(send, count, in_comm(c, b), tag, c);
}

/* Everybody sends to one, who receives from whoever comes. */
static void gather(void)
{
    int to = (int)draw((unsigned)qt_size), probe = (int)draw(2),
        tag = GATHER_TAG + (int)(operation % 20000);
    int i, seen[64] = {0};
    MPI_Status s;

    messages += qt_size - 1;
    if (qt_rank != to) {
        fill(out, 20, operation + (unsigned)qt_rank);
        MPI_Send(out, 20, MPI_UNSIGNED, to, tag, comms[1]);
        return;
    }
    for (i = 0; i < qt_size - 1; i++) {
        s.MPI_SOURCE = MPI_ANY_SOURCE;
        if (probe)
            MPI_Probe(MPI_ANY_SOURCE, tag, comms[1], &s);
        MPI_Recv(in, 20, MPI_UNSIGNED, s.MPI_SOURCE, tag, comms[1], &s);
        QT_CHECK(seen[s.MPI_SOURCE]++ == 0, "operation %u: twice from %d", operation, s.MPI_SOURCE);
        QT_CHECK(is(in, 20, operation + (unsigned)s.MPI_SOURCE), "operation %u: data", operation);
    }
}

static void shift(void)
{
    int by = 1 + (int)draw((unsigned)(qt_size > 1 ? qt_size - 1 : 1)), replace = (int)draw(2);
    int to = (qt_rank + by) % qt_size, from = (qt_rank + qt_size - by % qt_size) % qt_size;
    int tag = SHIFT_TAG + (int)(operation % 20000);
    MPI_Status s;

    messages += qt_size;
    fill(out, 300, operation + (unsigned)qt_rank);
    if (replace) {
        memcpy(in, out, 1200);
        MPI_Sendrecv_replace(in, 300, MPI_UNSIGNED, to, tag, from, tag, comms[1], &s);
    } else {
        MPI_Sendrecv(out, 300, MPI_UNSIGNED, to, tag, in, 300, MPI_UNSIGNED, from, tag, comms[1],
                     &s);
    }
    check_receive(in, &s, from, tag, 300, operation + (unsigned)from);
}

/* ---- collectives ---- */

static MPI_Request reduction = MPI_REQUEST_NULL;
static int reduction_in, reduction_out, reduction_expected;

static void finish_reduction(void)
{
    if (reduction == MPI_REQUEST_NULL)
        return;
    MPI_Wait(&reduction, MPI_STATUS_IGNORE);
    QT_CHECK(reduction_out == reduction_expected, "iallreduce: %d for %d", reduction_out,
             reduction_expected);
}

static void start_reduction(void)
{
    finish_reduction();
    reduction_in = (int)operation;
    reduction_expected = (int)operation * qt_size;
    MPI_Iallreduce(&reduction_in, &reduction_out, 1, MPI_INT, MPI_SUM, comms[1], &reduction);
}

static void broadcast(MPI_Comm comm, int rank, int root)
{
    int count = (int)(operation * 37 % 5000);

    memset(out, 0, sizeof(unsigned) * (size_t)(count + 1));
    if (rank == root)
        fill(out, count, operation);
    MPI_Bcast(out, count, MPI_UNSIGNED, root, comm);
    QT_CHECK(is(out, count, operation), "operation %u: bcast", operation);
}

static void reduce(MPI_Comm comm, int rank, int size, int root, int to_all)
{
    int mine[2] = {(int)operation + rank, 1}, sum[2] = {0, 0};

    if (to_all)
        MPI_Allreduce(mine, sum, 2, MPI_INT, MPI_SUM, comm);
    else
        MPI_Reduce(mine, sum, 2, MPI_INT, MPI_SUM, root, comm);
    if (to_all || rank == root)
        QT_CHECK(sum[1] == size && sum[0] == (int)operation * size + size * (size - 1) / 2,
                 "operation %u: reduce", operation);
}

static void exchange(MPI_Comm comm, int rank, int size)
{
    int sent[64] = {0}, got[64] = {0}, i;

    for (i = 0; i < size; i++)
        sent[i] = (int)operation + rank * 100 + i;
    MPI_Alltoall(sent, 1, MPI_INT, got, 1, MPI_INT, comm);
    for (i = 0; i < size; i++)
        QT_CHECK(got[i] == (int)operation + i * 100 + rank, "operation %u: alltoall", operation);
}

static void collective(void)
{
    unsigned which = draw(5), kind = draw(12), root = draw(64);
    MPI_Comm comm = which == 3 ? low : which == 4 ? high : comms[which], fresh;
    int size, rank;

    collectives++;
    if (kind == 11) {
        start_reduction();
        return;
    }
    if (comm == MPI_COMM_NULL)
        return;
    MPI_Comm_size(comm, &size);
    MPI_Comm_rank(comm, &rank);
    if (kind < 2) {
        MPI_Barrier(comm);
    } else if (kind < 5) {
        broadcast(comm, rank, (int)root % size);
    } else if (kind < 9) {
        reduce(comm, rank, size, (int)root % size, kind < 8);
    } else if (kind == 9) {
        exchange(comm, rank, size);
    } else {
        MPI_Comm_split(comm, 0, -rank, &fresh);
        reduce(fresh, size - 1 - rank, size, 0, 1);
        MPI_Comm_free(&fresh);
    }
}

/* ---- all of it ---- */

/* Every rank for itself: now and then some milliseconds of something else. */
static void compute(void)
{
    static unsigned own;

    own = own * 1103515245u + 12345u + (unsigned)qt_rank;
    if ((own >> 16) % 40 == 0)
        qt_compute(((own >> 20) % 8) * 1e-3);
}

static int go_on(double end)
{
    int go = qt_now() < end;

    wait_pending((int)(operation % 6));
    MPI_Bcast(&go, 1, MPI_INT, 0, MPI_COMM_WORLD);
    return go;
}

static void play(double seconds)
{
    double end = qt_now() + seconds;

    for (operation = 1; operation % 50 != 0 || go_on(end); operation++) {
        unsigned kind = draw(100), flush = draw(12), how = draw(6);

        compute();
        if (pending_count > PENDING - 4)
            wait_pending((int)how);
        if (kind < 60)
            message();
        else if (kind < 68)
            gather();
        else if (kind < 74)
            shift();
        else
            collective();
        if (flush == 0)
            wait_pending((int)how);
    }
    wait_pending(0);
    finish_reduction();
}

int main(int argc, char **argv)
{
    int seed = argc > 1 ? atoi(argv[1]) : 1, level = argc > 3 ? atoi(argv[3]) : 0, all, i;
    double seconds = argc > 2 ? atof(argv[2]) : 2;

    MPI_Init_thread(&argc, &argv, level, &i);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    state = (uint64_t)seed * 7919 + 12345;
    for (i = 0; i < 20; i++)
        draw(2);
    comms[0] = MPI_COMM_WORLD;
    MPI_Comm_dup(MPI_COMM_WORLD, &comms[1]);
    MPI_Comm_split(comms[1], 0, qt_size - qt_rank, &comms[2]);
    MPI_Comm_split(MPI_COMM_WORLD, qt_rank <= qt_size / 2 ? 0 : MPI_UNDEFINED, qt_rank, &low);
    MPI_Comm_split(MPI_COMM_WORLD, qt_rank >= qt_size / 2 ? 0 : MPI_UNDEFINED, qt_rank, &high);
    if (qt_rank == 0)
        qt_make("running", 0);
    play(seconds);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s stress: seed %d, %u operations, %ld messages, %ld collectives\n",
               all ? "not ok" : "ok", seed, operation, messages, collectives);
    MPI_Finalize();
    return all != 0;
}
