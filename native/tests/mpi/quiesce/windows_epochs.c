/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: inside epochs of all kinds, and waiting for them. */
#include "windows.h"

static int memory[2 * COUNT], out[COUNT], in[COUNT];
static long counters[8];

static MPI_Win window_of(void *base, size_t size, int unit)
{
    MPI_Win win;

    MPI_Win_create(base, (MPI_Aint)size, unit, MPI_INFO_NULL, comm, &win);
    return win;
}

static MPI_Win window(void)
{
    memset(memory, 0, sizeof(memory));
    memset(in, 0, sizeof(in));
    memset(counters, 0, sizeof(counters));
    return window_of(memory, sizeof(memory), sizeof(int));
}

static MPI_Win counter_window(void)
{
    memset(counters, 0, sizeof(counters));
    return window_of(counters, sizeof(counters), sizeof(long));
}

/* Puts to the next rank, gets from the one before, adds at rank 0: begun before the checkpoint, ended after it. */
static void all_kinds(MPI_Win win, int *sum)
{
    fill(out, COUNT, qt_rank, 1);
    *sum = qt_rank + 1;
    MPI_Put(out, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win);
    MPI_Get(in, COUNT / 2, MPI_INT, previous_rank(), COUNT, COUNT / 2, MPI_INT, win);
    MPI_Accumulate(sum, 1, MPI_INT, 0, 2 * COUNT - 1, 1, MPI_INT, MPI_SUM, win);
}

static void check_all_kinds(void)
{
    check(memory, COUNT, previous_rank(), 1, "put");
    check(in, COUNT / 2, previous_rank(), 2, "get");
    if (qt_rank == 0)
        QT_CHECK(memory[2 * COUNT - 1] == qt_size * (qt_size + 1) / 2, "sum %d",
                 memory[2 * COUNT - 1]);
}

void fence_inside(void)
{
    MPI_Win win = window();
    int sum;

    fill(memory + COUNT, COUNT / 2, qt_rank, 2);
    MPI_Win_fence(0, win);
    all_kinds(win, &sum);
    together();
    MPI_Win_fence(0, win);
    check_all_kinds();
    MPI_Win_fence(MPI_MODE_NOPRECEDE, win);
    fill(out, COUNT, qt_rank, 3);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), COUNT, COUNT, MPI_INT, win);
    MPI_Win_fence(MPI_MODE_NOSUCCEED, win);
    check(memory + COUNT, COUNT, previous_rank(), 3, "put afterwards");
    MPI_Win_free(&win);
}

void fence_early(void)
{
    MPI_Win win = window();

    MPI_Win_fence(0, win);
    fill(out, COUNT, qt_rank, 1);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win);
    late_for_a_collective();
    MPI_Win_fence(0, win);
    check(memory, COUNT, previous_rank(), 1, "put");
    MPI_Win_free(&win);
}

/* Between two epochs: no epoch is open, and a passive one follows. */
void fence_assertions(void)
{
    MPI_Win win = window();

    fill(out, COUNT, qt_rank, 1);
    MPI_Win_fence(MPI_MODE_NOPRECEDE | MPI_MODE_NOSTORE, win);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win);
    MPI_Win_fence(MPI_MODE_NOSTORE | MPI_MODE_NOSUCCEED, win);
    together();
    check(memory, COUNT, previous_rank(), 1, "put");
    MPI_Barrier(comm);
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, next_rank(), 0, win);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), COUNT, COUNT, MPI_INT, win);
    MPI_Win_unlock(next_rank(), win);
    MPI_Barrier(comm);
    check(memory + COUNT, COUNT, previous_rank(), 1, "put under a lock");
    MPI_Win_free(&win);
}

void lock_held(void)
{
    MPI_Win win = window();

    fill(out, COUNT, qt_rank, 1);
    MPI_Win_lock(qt_rank % 2 ? MPI_LOCK_EXCLUSIVE : MPI_LOCK_SHARED, next_rank(), 0, win);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win);
    together();
    MPI_Put(out, COUNT / 2, MPI_INT, next_rank(), COUNT, COUNT / 2, MPI_INT, win);
    MPI_Win_flush(next_rank(), win);
    MPI_Get(in, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win);
    MPI_Win_unlock(next_rank(), win);
    check(in, COUNT, qt_rank, 1, "get of what was put");
    MPI_Barrier(comm);
    check(memory, COUNT, previous_rank(), 1, "put");
    check(memory + COUNT, COUNT / 2, previous_rank(), 1, "put afterwards");
    MPI_Win_free(&win);
}

/* Rank 1 holds rank 0's lock and waits for a message of rank 0; the others wait for the lock. */
void lock_waited_for(void)
{
    MPI_Win win = counter_window();
    long seen = -1, next;
    int token = 1;

    if (qt_rank == 1) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
        MPI_Barrier(comm);
        MPI_Recv(&token, 1, MPI_INT, 0, TAG, comm, MPI_STATUS_IGNORE);
    } else {
        MPI_Barrier(comm);
    }
    late();
    if (qt_rank == 0)
        MPI_Send(&token, 1, MPI_INT, 1, TAG, comm);
    if (qt_rank != 1)
        MPI_Win_lock(qt_rank % 2 ? MPI_LOCK_SHARED : MPI_LOCK_EXCLUSIVE, 0, 0, win);
    if (qt_rank == 1 || qt_rank % 2 == 0) {
        MPI_Get(&seen, 1, MPI_LONG, 0, 0, 1, MPI_LONG, win);
        MPI_Win_flush(0, win);
        next = seen + 1;
        MPI_Put(&next, 1, MPI_LONG, 0, 0, 1, MPI_LONG, win);
    }
    MPI_Win_unlock(0, win);
    MPI_Barrier(comm);
    if (qt_rank == 0)
        QT_CHECK(counters[0] == 1 + (qt_size + 1) / 2, "counted to %ld", counters[0]);
    MPI_Win_free(&win);
}

void lock_all_inside(void)
{
    MPI_Win win = window();
    int sum;

    fill(memory + COUNT, COUNT / 2, qt_rank, 2);
    MPI_Barrier(comm);
    MPI_Win_lock_all(qt_rank % 2 ? MPI_MODE_NOCHECK : 0, win);
    all_kinds(win, &sum);
    together();
    MPI_Win_flush_local(next_rank(), win);
    MPI_Win_flush_local_all(win);
    MPI_Win_flush_all(win);
    MPI_Barrier(comm);
    MPI_Win_sync(win);
    check_all_kinds();
    MPI_Win_unlock_all(win);
    MPI_Win_free(&win);
}

void lock_all_waited_for(void)
{
    MPI_Win win = counter_window();
    long one = 1, old;
    int token = 1;

    if (qt_rank == 1) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, qt_size - 1, 0, win);
        MPI_Barrier(comm);
        MPI_Recv(&token, 1, MPI_INT, 0, TAG, comm, MPI_STATUS_IGNORE);
        MPI_Fetch_and_op(&one, &old, MPI_LONG, qt_size - 1, 0, MPI_SUM, win);
        MPI_Win_unlock(qt_size - 1, win);
        QT_CHECK(old == 0, "somebody was faster: %ld", old);
    } else {
        MPI_Barrier(comm);
    }
    late();
    if (qt_rank == 0)
        MPI_Send(&token, 1, MPI_INT, 1, TAG, comm);
    MPI_Win_lock_all(0, win);
    MPI_Fetch_and_op(&one, &old, MPI_LONG, qt_size - 1, 0, MPI_SUM, win);
    MPI_Win_unlock_all(win);
    MPI_Barrier(comm);
    if (qt_rank == qt_size - 1)
        QT_CHECK(counters[0] == qt_size + 1, "counted to %ld", counters[0]);
    MPI_Win_free(&win);
}

/* Exclusive locks around a get and a put: not one count may be lost, wherever the checkpoint comes. */
void lock_stress(void)
{
    MPI_Win win = counter_window();
    long seen, steps = 0, all = 0, total = 0;

    late();
    while (steps < 50 || (getenv("QUIESCE_TEST_DIR") != NULL && !qt_seen("done", number))) {
        int to = (int)((qt_rank + steps) % qt_size);

        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, to, 0, win);
        MPI_Get(&seen, 1, MPI_LONG, to, 1, 1, MPI_LONG, win);
        MPI_Win_flush(to, win);
        seen++;
        MPI_Put(&seen, 1, MPI_LONG, to, 1, 1, MPI_LONG, win);
        MPI_Win_unlock(to, win);
        steps++;
        if (steps % 16 == 0) {
            MPI_Win_lock_all(0, win);
            MPI_Win_unlock_all(win);
        }
    }
    MPI_Barrier(comm);
    MPI_Allreduce(&steps, &all, 1, MPI_LONG, MPI_SUM, comm);
    MPI_Allreduce(&counters[1], &total, 1, MPI_LONG, MPI_SUM, comm);
    QT_CHECK(all == total, "%ld steps, counted %ld", all, total);
    MPI_Win_free(&win);
}

/* One step of a number that all but rank 0 count up there: on itself Open MPI 4.1 crashes. Returns 1 if it succeeded. */
static int swap(MPI_Win win, long *seen)
{
    long next = *seen + 1, old = -1;

    MPI_Compare_and_swap(&next, seen, &old, MPI_LONG, 0, 4, win);
    MPI_Win_flush(0, win);
    if (old == *seen) {
        *seen = next;
        return 1;
    }
    *seen = old;
    return 0;
}

/* Fetch_and_op, Get_accumulate, Compare_and_swap without end while the checkpoint comes. */
void atomics(void)
{
    MPI_Win win = counter_window();
    long one = 1, old, twice[2] = {1, 2}, olds[2], steps = 0, all = 0, swapped = 0, swaps = 0;

    MPI_Win_lock_all(0, win);
    late();
    while (steps < 50 || (getenv("QUIESCE_TEST_DIR") != NULL && !qt_seen("done", number))) {
        int to = (int)((qt_rank + steps) % qt_size);

        MPI_Fetch_and_op(&one, &old, MPI_LONG, to, 0, MPI_SUM, win);
        MPI_Get_accumulate(twice, 2, MPI_LONG, olds, 2, MPI_LONG, 0, 1, 2, MPI_LONG, MPI_SUM, win);
        MPI_Accumulate(&one, 1, MPI_LONG, to, 3, 1, MPI_LONG, MPI_SUM, win);
        MPI_Win_flush_all(win);
        swaps += qt_rank != 0 && swap(win, &swapped);
        steps++;
    }
    MPI_Win_unlock_all(win);
    MPI_Barrier(comm);
    MPI_Allreduce(&steps, &all, 1, MPI_LONG, MPI_SUM, comm);
    MPI_Allreduce(MPI_IN_PLACE, &swaps, 1, MPI_LONG, MPI_SUM, comm);
    MPI_Allreduce(&counters[0], &old, 1, MPI_LONG, MPI_SUM, comm);
    QT_CHECK(old == all, "%ld steps, fetched %ld", all, old);
    MPI_Allreduce(&counters[3], &old, 1, MPI_LONG, MPI_SUM, comm);
    QT_CHECK(old == all, "%ld steps, accumulated %ld", all, old);
    if (qt_rank == 0)
        QT_CHECK(counters[1] == all && counters[2] == 2 * all && counters[4] == swaps,
                 "%ld steps: %ld %ld, %ld of %ld swaps", all, counters[1], counters[2], counters[4],
                 swaps);
    MPI_Win_free(&win);
}

/* Requests begun before the checkpoint, waited for after it. */
void requests(void)
{
    MPI_Win win = window();
    MPI_Request r[4];
    MPI_Status s[4];
    int one[2] = {1, 2}, old[2] = {-1, -1}, n = -1;

    fill(memory + COUNT, COUNT / 2, qt_rank, 2);
    fill(out, COUNT, qt_rank, 1);
    MPI_Barrier(comm);
    MPI_Win_lock_all(0, win);
    MPI_Rput(out, COUNT, MPI_INT, next_rank(), 0, COUNT, MPI_INT, win, &r[0]);
    MPI_Rget(in, COUNT / 2, MPI_INT, previous_rank(), COUNT, COUNT / 2, MPI_INT, win, &r[1]);
    MPI_Raccumulate(one, 2, MPI_INT, 0, 2 * COUNT - 2, 2, MPI_INT, MPI_SUM, win, &r[2]);
    MPI_Rget_accumulate(one, 1, MPI_INT, old, 1, MPI_INT, 0, 2 * COUNT - 3, 1, MPI_INT, MPI_SUM,
                        win, &r[3]);
    together();
    MPI_Waitall(4, r, s);
    for (int i = 0; i < 4; i++)
        QT_CHECK(r[i] == MPI_REQUEST_NULL, "request %d", i);
    MPI_Test_cancelled(&s[1], &n);
    QT_CHECK(n == 0, "cancelled");
    QT_CHECK(old[0] >= 0 && old[0] < qt_size, "fetched %d", old[0]);
    MPI_Win_unlock_all(win);
    MPI_Barrier(comm);
    check(memory, COUNT, previous_rank(), 1, "rput");
    check(in, COUNT / 2, previous_rank(), 2, "rget");
    if (qt_rank == 0)
        QT_CHECK(memory[2 * COUNT - 2] == qt_size && memory[2 * COUNT - 1] == 2 * qt_size &&
                     memory[2 * COUNT - 3] == qt_size,
                 "sums %d %d %d", memory[2 * COUNT - 2], memory[2 * COUNT - 1],
                 memory[2 * COUNT - 3]);
    MPI_Win_free(&win);
}

/* ---- pairs: rank 0 and each other one ---- */

static MPI_Group group_of(MPI_Win win, int rank)
{
    MPI_Group all, one;

    MPI_Win_get_group(win, &all);
    if (rank == 0)
        MPI_Group_incl(all, 1, (int[1]){0}, &one);
    else
        MPI_Group_excl(all, 1, (int[1]){0}, &one);
    MPI_Group_free(&all);
    return one;
}

static void put_part(MPI_Win win, int step)
{
    fill(out, COUNT / 8, qt_rank, step);
    MPI_Put(out, COUNT / 8, MPI_INT, 0, qt_rank * (COUNT / 8), COUNT / 8, MPI_INT, win);
}

static void check_parts(int step)
{
    for (int i = 1; i < qt_size; i++)
        check(memory + i * (COUNT / 8), COUNT / 8, i, step, "part");
}

/* The others are in MPI_Win_wait; rank 0 has not completed. */
void post_wait(void)
{
    MPI_Win win = window();
    MPI_Group zero = group_of(win, 0), others = group_of(win, 1);

    if (qt_rank == 0) {
        MPI_Win_start(others, 0, win);
        fill(out, COUNT, 0, 1);
        for (int i = 1; i < qt_size; i++)
            MPI_Put(out, COUNT, MPI_INT, i, 0, COUNT, MPI_INT, win);
        late();
        MPI_Win_complete(win);
    } else {
        MPI_Win_post(zero, MPI_MODE_NOSTORE, win);
        MPI_Win_wait(win);
        check(memory, COUNT, 0, 1, "put");
    }
    MPI_Group_free(&zero);
    MPI_Group_free(&others);
    MPI_Win_free(&win);
}

/* The others are in MPI_Win_start; rank 0 has not posted. */
void start_waits(void)
{
    MPI_Win win = window();
    MPI_Group zero = group_of(win, 0), others = group_of(win, 1);

    for (int step = 1; step <= 2; step++) {
        if (qt_rank == 0) {
            if (step == 1)
                late();
            MPI_Win_post(others, 0, win);
            MPI_Win_wait(win);
            check_parts(step);
        } else {
            MPI_Win_start(zero, 0, win);
            put_part(win, step);
            MPI_Win_complete(win);
        }
    }
    MPI_Group_free(&zero);
    MPI_Group_free(&others);
    MPI_Win_free(&win);
}

/* Both epochs open, some ranks have completed. */
void pair_inside(void)
{
    MPI_Win win = window();
    MPI_Group zero = group_of(win, 0), others = group_of(win, 1);

    if (qt_rank == 0) {
        MPI_Win_post(others, 0, win);
        together();
        MPI_Win_wait(win);
        check_parts(1);
    } else {
        MPI_Win_start(zero, 0, win);
        put_part(win, 1);
        if (qt_rank == 1)
            MPI_Win_complete(win);
        together();
        if (qt_rank != 1)
            MPI_Win_complete(win);
    }
    MPI_Group_free(&zero);
    MPI_Group_free(&others);
    MPI_Win_free(&win);
}

/* The others ask with MPI_Win_test. */
void test_loop(void)
{
    MPI_Win win = window();
    MPI_Group zero = group_of(win, 0), others = group_of(win, 1);
    int flag = 0;

    if (qt_rank == 0) {
        late();
        MPI_Win_start(others, 0, win);
        fill(out, COUNT, 0, 1);
        for (int i = 1; i < qt_size; i++)
            MPI_Put(out, COUNT, MPI_INT, i, 0, COUNT, MPI_INT, win);
        MPI_Win_complete(win);
    } else {
        MPI_Win_post(zero, 0, win);
        while (!flag)
            MPI_Win_test(win, &flag);
        check(memory, COUNT, 0, 1, "put");
    }
    MPI_Group_free(&zero);
    MPI_Group_free(&others);
    MPI_Win_free(&win);
}
