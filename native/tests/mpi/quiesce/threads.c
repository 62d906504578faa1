/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPI_THREAD_MULTIPLE with several threads inside MPI at once: each has a communicator of its own over all ranks (so all
 * share one collective clock), and mixes messages in a ring, wildcards, non-blocking calls and collectives on it.
 *
 *     threads SECONDS [THREADS]
 */
#include "qt.h"

#include <pthread.h>

enum { MOST_THREADS = 8, COUNT = 3000 };

static MPI_Comm comms[MOST_THREADS];
static double seconds = 2;

struct worker {
    pthread_t thread;
    MPI_Comm comm;
    int number, steps;
    int out[COUNT], in[COUNT];
};
static struct worker workers[MOST_THREADS];

static void fill(int *b, int count, int id)
{
    int i;

    for (i = 0; i < count; i++)
        b[i] = id * 7919 + i;
}

static int is(const int *b, int count, int id)
{
    int i;

    for (i = 0; i < count; i++)
        if (b[i] != id * 7919 + i)
            return 0;
    return 1;
}

/* To the next rank, from the one before, in one of four ways. */
static void ring(struct worker *w)
{
    int to = (qt_rank + 1) % qt_size, from = (qt_rank + qt_size - 1) % qt_size;
    int count = w->steps * 131 % COUNT, step = w->steps, index;
    MPI_Request r[2];
    MPI_Status s[2];

    fill(w->out, count, step + qt_rank);
    if (step % 4 == 0) {
        MPI_Sendrecv(w->out, count, MPI_INT, to, 1, w->in, COUNT, MPI_INT, from, 1, w->comm, s);
    } else if (step % 4 == 1) {
        MPI_Isend(w->out, count, MPI_INT, to, 1, w->comm, &r[0]);
        MPI_Recv(w->in, COUNT, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, w->comm, s);
        MPI_Wait(&r[0], MPI_STATUS_IGNORE);
    } else if (step % 4 == 2) {
        MPI_Irecv(w->in, COUNT, MPI_INT, from, 1, w->comm, &r[0]);
        MPI_Issend(w->out, count, MPI_INT, to, 1, w->comm, &r[1]);
        MPI_Waitall(2, r, s);
    } else {
        MPI_Irecv(w->in, COUNT, MPI_INT, from, 1, w->comm, &r[0]);
        MPI_Isend(w->out, count, MPI_INT, to, 1, w->comm, &r[1]);
        MPI_Waitany(2, r, &index, s);
        MPI_Waitany(2, r, &index, s);
    }
    QT_CHECK(is(w->in, count, step + from), "thread %d, step %d: data", w->number, step);
}

static void collective(struct worker *w)
{
    int sum = 0, one = w->steps, value = qt_rank == 0 ? w->steps : -1;
    MPI_Request r;

    MPI_Bcast(&value, 1, MPI_INT, 0, w->comm);
    QT_CHECK(value == w->steps, "thread %d, step %d: bcast", w->number, w->steps);
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, w->comm, &r);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    QT_CHECK(sum == w->steps * qt_size, "thread %d, step %d: sum", w->number, w->steps);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    double end = qt_now() + seconds;
    int go = 1;

    for (w->steps = 1; go; w->steps++) {
        ring(w);
        if (w->steps % 3 == 0)
            collective(w);
        if (w->steps % 20 == 0) {
            go = qt_now() < end;
            MPI_Bcast(&go, 1, MPI_INT, 0, w->comm);
        }
        if (w->steps % 7 == w->number)
            qt_compute(0.0005);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 3, level, i, all;

    if (argc > 1)
        seconds = atof(argv[1]);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    QT_CHECK(level == MPI_THREAD_MULTIPLE, "level %d", level);
    for (i = 0; i < count; i++)
        MPI_Comm_dup(MPI_COMM_WORLD, &comms[i]);
    if (qt_rank == 0)
        qt_make("running", 0);
    for (i = 0; i < count; i++) {
        workers[i].comm = comms[i];
        workers[i].number = i;
        if (i > 0)
            pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    work(&workers[0]);
    for (i = 1; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s threads: %d steps of the first\n", all ? "not ok" : "ok", workers[0].steps);
    MPI_Finalize();
    return all != 0;
}
