/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to send, to receive, to probe, and to complete. Rank 0 is the one who is late with its part. */
#include "cover.h"

enum { MANY = 12, SENDS = 4 };

static MPI_Comm comm;
static MPI_Request persistent[PASSES][MANY], pending[PASSES][MANY], generalized[PASSES];
static MPI_Message held[PASSES];
static int in[PASSES][MANY], out[MANY] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static char *room;

static void note(const char *label, const int *data, const MPI_Status *status)
{
    int count, elements, cancelled, tag = status->MPI_TAG;
    MPI_Count wide;

    MPI_Get_count(status, MPI_INT, &count);
    MPI_Get_elements(status, MPI_INT, &elements);
    MPI_Get_elements_x(status, MPI_INT, &wide);
    MPI_Test_cancelled(status, &cancelled);
    line("%s: %d from %d, tag %d, %d %d %ld, cancelled %d", label, *data, status->MPI_SOURCE, tag,
         count, elements, (long)wide, cancelled);
}

static void receive(const char *label, int from, int tag)
{
    int got = -1;
    MPI_Status status;

    MPI_Recv(&got, 1, MPI_INT, from, tag, comm, &status);
    note(label, &got, &status);
}

/* From rank 0 to all others, one after the other: they wait in each way of receiving. */
static void to_others(void)
{
    int got = -1, there = 0;
    MPI_Message m;
    MPI_Status s;
    MPI_Request r;

    for (int tag = 0; rank == 0 && tag < 7; tag++)
        for (int to = 1; to < size; to++)
            MPI_Send(&out[tag], 1, MPI_INT, to, tag, comm);
    if (rank == 0)
        return;
    receive("Recv", 0, 0);
    MPI_Probe(0, 1, comm, &s);
    receive("probed", 0, 1);
    MPI_Mprobe(0, 2, comm, &m, &s);
    MPI_Mrecv(&got, 1, MPI_INT, &m, &s);
    note("Mrecv", &got, &s);
    while (!there)
        MPI_Iprobe(0, 3, comm, &there, &s);
    receive("Iprobe", 0, 3);
    for (there = 0; !there;)
        MPI_Improbe(0, 4, comm, &there, &m, &s);
    MPI_Imrecv(&got, 1, MPI_INT, &m, &r);
    MPI_Wait(&r, &s);
    note("Imrecv", &got, &s);
    MPI_Irecv(&got, 1, MPI_INT, 0, 5, comm, &r);
    MPI_Wait(&r, &s);
    note("Irecv", &got, &s);
    MPI_Irecv(&got, 1, MPI_INT, 0, 6, comm, &r);
    for (there = 0; !there;)
        MPI_Request_get_status(r, &there, &s);
    for (there = 0; !there;)
        MPI_Test(&r, &there, &s);
    note("Test", &got, &s);
}

/* To rank 0, in each mode. */
static void from_others(void)
{
    static const char *const names[] = {"Send", "Ssend", "Bsend", "Isend", "Issend", "Ibsend"};
    MPI_Request r[3];
    int ready = 0;

    for (int tag = 0; rank == 0 && tag < 6; tag++)
        for (int from = 1; from < size; from++)
            receive(names[tag], from, tag);
    if (rank != 0) {
        MPI_Send(&out[1], 1, MPI_INT, 0, 0, comm);
        MPI_Ssend(&out[2], 1, MPI_INT, 0, 1, comm);
        MPI_Bsend(&out[3], 1, MPI_INT, 0, 2, comm);
        MPI_Isend(&out[4], 1, MPI_INT, 0, 3, comm, &r[0]);
        MPI_Issend(&out[5], 1, MPI_INT, 0, 4, comm, &r[1]);
        MPI_Ibsend(&out[6], 1, MPI_INT, 0, 5, comm, &r[2]);
        MPI_Waitall(3, r, MPI_STATUSES_IGNORE);
    }
    if (rank == 1) { /* posted before it is told */
        MPI_Status s[2];
        int got[2];

        MPI_Irecv(&got[0], 1, MPI_INT, 0, 20, comm, &r[0]);
        MPI_Irecv(&got[1], 1, MPI_INT, 0, 21, comm, &r[1]);
        MPI_Send(&ready, 1, MPI_INT, 0, 22, comm);
        MPI_Waitall(2, r, s);
        note("Rsend", &got[0], &s[0]);
        note("Irsend", &got[1], &s[1]);
    } else if (rank == 0) {
        MPI_Recv(&ready, 1, MPI_INT, 1, 22, comm, MPI_STATUS_IGNORE);
        MPI_Rsend(&out[7], 1, MPI_INT, 1, 20, comm);
        MPI_Irsend(&out[8], 1, MPI_INT, 1, 21, comm, &r[0]);
        MPI_Wait(&r[0], MPI_STATUS_IGNORE);
    }
}

static void around(void)
{
    int next = (rank + 1) % size, previous = (rank + size - 1) % size, got = rank;
    MPI_Status s;

    MPI_Sendrecv(&rank, 1, MPI_INT, next, 1, &got, 1, MPI_INT, previous, 1, comm, &s);
    note("Sendrecv", &got, &s);
    MPI_Sendrecv_replace(&got, 1, MPI_INT, next, 2, previous, 2, comm, &s);
    note("Sendrecv_replace", &got, &s);
}

/* Waits and tests of several, of which rank 0 sends what they wait for. */
static void several(void)
{
    static const char *const names[] = {"Waitany", "Waitsome", "Testany", "Testsome", "Testall"};
    MPI_Request r[2];
    MPI_Status s[2];
    int got[2], which[2], index, count, flag;

    for (int how = 0; how < 5; how++) {
        if (rank == 0) {
            for (int to = 1; to < size; to++)
                MPI_Send(&out[how], 1, MPI_INT, to, 30 + how, comm);
            continue;
        }
        r[0] = MPI_REQUEST_NULL;
        MPI_Irecv(&got[1], 1, MPI_INT, 0, 30 + how, comm, &r[1]);
        index = count = flag = 0;
        if (how == 0)
            MPI_Waitany(2, r, &index, &s[0]);
        else if (how == 1)
            MPI_Waitsome(2, r, &count, which, s);
        while (how == 2 && !flag)
            MPI_Testany(2, r, &index, &flag, &s[0]);
        while (how == 3 && count == 0)
            MPI_Testsome(2, r, &count, which, s);
        while (how == 4 && !flag)
            MPI_Testall(2, r, &flag, s);
        note(names[how], &got[1], &s[how == 4]);
    }
}

/* Persistent requests of this pass, and those of the one before. */
static void use_persistent(int p)
{
    int next = (rank + 1) % size, previous = (rank + size - 1) % size;
    static int (*const inits[])(const void *, int, MPI_Datatype, int, int, MPI_Comm,
                                MPI_Request *) = {MPI_Send_init, MPI_Ssend_init, MPI_Bsend_init,
                                                  MPI_Rsend_init};
    MPI_Status s[2 * SENDS];

    for (int i = 0; i < SENDS; i++) {
        MPI_Recv_init(&in[p][i], 1, MPI_INT, previous, 40 + i, comm, &persistent[p][i]);
        inits[i](&out[i], 1, MPI_INT, next, 40 + i, comm, &persistent[p][SENDS + i]);
    }
    for (int q = 0; q <= p; q++) {
        MPI_Startall(SENDS, persistent[q]);
        MPI_Barrier(comm);
        for (int i = 0; i < SENDS; i++)
            MPI_Start(&persistent[q][SENDS + i]);
        MPI_Waitall(2 * SENDS, persistent[q], s);
        for (int i = 0; i < SENDS; i++)
            note("persistent", &in[q][i], &s[i]);
    }
}

static int query(void *extra, MPI_Status *status)
{
    MPI_Status_set_elements(status, MPI_INT, *(int *)extra);
    MPI_Status_set_elements_x(status, MPI_INT, *(int *)extra);
    MPI_Status_set_cancelled(status, 0);
    status->MPI_SOURCE = 8;
    status->MPI_TAG = 9;
    return MPI_SUCCESS;
}

static int release(void *extra)
{
    line("released %d", *(int *)extra);
    return MPI_SUCCESS;
}

static int cancel(void *extra, int complete)
{
    (void)extra, (void)complete;
    return MPI_SUCCESS;
}

static void start_pending(int p)
{
    int next = (rank + 1) % size, previous = (rank + size - 1) % size;

    MPI_Grequest_start(query, release, cancel, &out[3], &generalized[p]);
    MPI_Irecv(&in[p][0], 1, MPI_INT, next, 50 + p, comm, &pending[p][0]);
    MPI_Isend(&out[p], 1, MPI_INT, next, 60 + p, comm, &pending[p][1]);
    MPI_Issend(&out[p], 1, MPI_INT, next, 62 + p, comm, &pending[p][2]);
    MPI_Ibsend(&out[p], 1, MPI_INT, next, 64 + p, comm, &pending[p][3]);
    MPI_Isend(&out[p], 1, MPI_INT, next, 66 + p, comm, &pending[p][4]);
    MPI_Isend(&out[p], 1, MPI_INT, next, 68 + p, comm, &pending[p][6]);
    MPI_Irsend(&out[p], 1, MPI_INT, MPI_PROC_NULL, 70, comm, &pending[p][7]);
    MPI_Mprobe(previous, 66 + p, comm, &held[p], MPI_STATUS_IGNORE);
}

static void end_pending(int p)
{
    int previous = (rank + size - 1) % size, got = -1;
    MPI_Message other;
    MPI_Status s;

    for (int i = 0; i < 3; i++)
        receive("pending", previous, 60 + 2 * i + p);
    line("held %d", MPI_Message_f2c(MPI_Message_c2f(held[p])) == held[p]);
    MPI_Imrecv(&got, 1, MPI_INT, &held[p], &pending[p][5]);
    MPI_Wait(&pending[p][5], &s);
    note("held", &got, &s);
    MPI_Mprobe(previous, 68 + p, comm, &other, MPI_STATUS_IGNORE);
    MPI_Mrecv(&got, 1, MPI_INT, &other, &s);
    MPI_Send(&out[4], 1, MPI_INT, previous, 50 + p, comm);
    MPI_Waitall(8, pending[p], MPI_STATUSES_IGNORE);
    line("received %d", in[p][0]);
    MPI_Grequest_complete(generalized[p]);
    MPI_Wait(&generalized[p], &s);
    note("generalized", &got, &s);
}

static void cancelled(void)
{
    MPI_Request r, free_one;
    MPI_Status s;
    MPI_Fint words[sizeof(MPI_Status) / sizeof(MPI_Fint)];
    int got = -1, size_of;
    void *back;

    MPI_Irecv(&got, 1, MPI_INT, MPI_ANY_SOURCE, 99, comm, &r);
    line("same %d", MPI_Request_f2c(MPI_Request_c2f(r)) == r);
    MPI_Cancel(&r);
    MPI_Wait(&r, &s);
    MPI_Status_c2f(&s, words);
    MPI_Status_f2c(words, &s);
    MPI_Test_cancelled(&s, &got);
    line("cancelled %d", got);
    MPI_Isend(&out[1], 1, MPI_INT, rank, 98, comm, &free_one);
    MPI_Request_free(&free_one);
    receive("freed", rank, 98);
    MPI_Buffer_detach(&back, &size_of);
    line("detached %d %d", back == room, size_of);
    MPI_Buffer_attach(back, size_of);
}

static void pass(int p)
{
    void *back;
    int size_of;

    if (p == 0) {
        MPI_Comm_dup(MPI_COMM_WORLD, &comm);
        room = malloc(100000);
        MPI_Buffer_attach(room, 100000);
    }
    to_others();
    from_others();
    around();
    several();
    use_persistent(p);
    cancelled();
    if (p > 0)
        end_pending(p - 1);
    start_pending(p);
    if (p < PASSES - 1)
        return;
    end_pending(p);
    for (int q = 0; q < PASSES; q++)
        for (int i = 0; i < 2 * SENDS; i++)
            MPI_Request_free(&persistent[q][i]);
    MPI_Buffer_detach(&back, &size_of);
    MPI_Comm_free(&comm);
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
