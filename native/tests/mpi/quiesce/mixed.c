/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPI_THREAD_MULTIPLE: five threads of each rank in calls of different kinds, each on a communicator, window or file of its
 * own: fences and flushes under locks, collective and independent writes, receives, threads that come and go, computing.
 * What they have made is compared at the end with what must come out.
 *
 *     mixed SECONDS
 */
#include "qt.h"

#include <pthread.h>

enum { SLOTS = 64, RECORD = 512 };

static double seconds = 2;
static char path[4096];

/* All ranks stop after the same step: rank 0 decides. */
static int go_on(double end, MPI_Comm comm)
{
    int go = qt_now() < end;

    MPI_Bcast(&go, 1, MPI_INT, 0, comm);
    return go;
}

/* Each step everybody adds its rank + 1 to a slot of everybody, between fences. */
static void *fences(void *argument)
{
    MPI_Comm comm = *(MPI_Comm *)argument;
    double end = qt_now() + seconds;
    long *memory, one = qt_rank + 1;
    int step = 0, go = 1, i;
    MPI_Win win;

    MPI_Win_allocate(SLOTS * sizeof(long), sizeof(long), MPI_INFO_NULL, comm, &memory, &win);
    memset(memory, 0, SLOTS * sizeof(long));
    for (; go; step++) {
        MPI_Win_fence(0, win);
        for (i = 0; i < qt_size; i++)
            MPI_Accumulate(&one, 1, MPI_LONG, i, step % SLOTS, 1, MPI_LONG, MPI_SUM, win);
        MPI_Win_fence(0, win);
        QT_CHECK(memory[step % SLOTS] == (long)(step / SLOTS + 1) * qt_size * (qt_size + 1) / 2,
                 "fence step %d: %ld", step, memory[step % SLOTS]);
        go = go_on(end, comm);
    }
    MPI_Win_free(&win);
    return NULL;
}

/* A counter of rank 0 under an exclusive lock, read, flushed and written back. */
static void *locks(void *argument)
{
    MPI_Comm comm = *(MPI_Comm *)argument;
    double end = qt_now() + seconds;
    long memory = 0, value, steps = 0, all = 0;
    MPI_Win win;

    MPI_Win_create(&memory, sizeof(memory), sizeof(long), MPI_INFO_NULL, comm, &win);
    for (; qt_now() < end; steps++) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
        MPI_Get(&value, 1, MPI_LONG, 0, 0, 1, MPI_LONG, win);
        MPI_Win_flush(0, win);
        value++;
        MPI_Put(&value, 1, MPI_LONG, 0, 0, 1, MPI_LONG, win);
        MPI_Win_unlock(0, win);
    }
    MPI_Reduce(&steps, &all, 1, MPI_LONG, MPI_SUM, 0, comm);
    if (qt_rank == 0)
        QT_CHECK(memory == all, "counted %ld of %ld", memory, all);
    MPI_Win_free(&win);
    return NULL;
}

static void fill(int *record, int rank, int step)
{
    for (int i = 0; i < RECORD; i++)
        record[i] = rank * 1000003 + step * 977 + i;
}

/* One record of each rank in each step, in four ways; at the end all of them are read again. */
static void *files(void *argument)
{
    MPI_Comm comm = *(MPI_Comm *)argument;
    double end = qt_now() + seconds;
    int record[RECORD], wanted[RECORD], step = 0, go = 1, i;
    MPI_Request r;
    MPI_File file;

    MPI_File_open(comm, path, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
                  MPI_INFO_NULL, &file);
    for (; go; step++) {
        MPI_Offset at = ((MPI_Offset)step * qt_size + qt_rank) * (MPI_Offset)sizeof(record);

        fill(record, qt_rank, step);
        if (step % 3 == 0) {
            MPI_File_write_at_all(file, at, record, RECORD, MPI_INT, MPI_STATUS_IGNORE);
        } else if (step % 3 == 1) {
            MPI_File_write_at(file, at, record, RECORD, MPI_INT, MPI_STATUS_IGNORE);
        } else {
            MPI_File_iwrite_at(file, at, record, RECORD, MPI_INT, &r);
            MPI_Wait(&r, MPI_STATUS_IGNORE);
        }
        go = go_on(end, comm);
    }
    for (i = 0; i < step; i++) {
        MPI_Offset at = ((MPI_Offset)i * qt_size + qt_rank) * (MPI_Offset)sizeof(record);

        fill(wanted, qt_rank, i);
        MPI_File_read_at(file, at, record, RECORD, MPI_INT, MPI_STATUS_IGNORE);
        QT_CHECK(memcmp(record, wanted, sizeof(record)) == 0, "record %d of %d", i, step);
    }
    MPI_File_close(&file);
    return NULL;
}

/* Threads that live for one message to the next rank. */
struct errand {
    MPI_Comm comm;
    int step;
};

static void *once(void *argument)
{
    struct errand *e = argument;
    int out = qt_rank * 100000 + e->step, in = -1, from = (qt_rank + qt_size - 1) % qt_size;

    MPI_Sendrecv(&out, 1, MPI_INT, (qt_rank + 1) % qt_size, 5, &in, 1, MPI_INT, from, 5, e->comm,
                 MPI_STATUS_IGNORE);
    QT_CHECK(in == from * 100000 + e->step, "errand %d: %d", e->step, in);
    return NULL;
}

static void *come_and_go(void *argument)
{
    struct errand e = {*(MPI_Comm *)argument, 0};
    double end = qt_now() + seconds;

    do {
        pthread_t thread, idle;

        pthread_create(&thread, NULL, once, &e);
        pthread_create(&idle, NULL, (void *(*)(void *))(void (*)(void))getpid, NULL);
        pthread_join(thread, NULL);
        pthread_join(idle, NULL);
        e.step++;
    } while (go_on(end, e.comm));
    return NULL;
}

int main(int argc, char **argv)
{
    static void *(*const work[])(void *) = {fences, locks, files, come_and_go};
    enum { THREADS = sizeof(work) / sizeof(*work) };
    pthread_t threads[THREADS];
    MPI_Comm comms[THREADS];
    int level, all, i;
    double end;

    if (argc > 1)
        seconds = atof(argv[1]);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    snprintf(path, sizeof(path), "%s/mixed",
             getenv("QUIESCE_TEST_DIR") ? getenv("QUIESCE_TEST_DIR") : "/tmp");
    for (i = 0; i < THREADS; i++)
        MPI_Comm_dup(MPI_COMM_WORLD, &comms[i]);
    if (qt_rank == 0)
        qt_make("running", 0);
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work[i], &comms[i]);
    for (end = qt_now() + seconds; qt_now() < end;)
        qt_compute(0.01);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s mixed threads\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
