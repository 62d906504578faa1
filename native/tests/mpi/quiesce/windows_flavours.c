/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: windows of all flavours, what they say of themselves, and their memory. */
#include "windows.h"

static int memory[2 * COUNT], out[COUNT];
static int handled;

static void handler(MPI_Win *win, int *code, ...)
{
    (void)win;
    handled = *code;
}

static void put_next(MPI_Win win, MPI_Aint at, int step)
{
    fill(out, COUNT, qt_rank, step);
    MPI_Put(out, COUNT, MPI_INT, next_rank(), at, COUNT, MPI_INT, win);
}

static void check_attributes(MPI_Win win, const void *base, MPI_Aint size, int unit, int flavour)
{
    void *b = NULL;
    MPI_Aint *s;
    int *u, *f, *m, flag;

    MPI_Win_get_attr(win, MPI_WIN_BASE, &b, &flag);
    QT_CHECK(flag && b == base, "base %p, not %p", b, base);
    MPI_Win_get_attr(win, MPI_WIN_SIZE, &s, &flag);
    QT_CHECK(flag && *s == size, "size %ld", (long)*s);
    MPI_Win_get_attr(win, MPI_WIN_DISP_UNIT, &u, &flag);
    QT_CHECK(flag && *u == unit, "unit %d", *u);
    MPI_Win_get_attr(win, MPI_WIN_CREATE_FLAVOR, &f, &flag);
    QT_CHECK(flag && *f == flavour, "flavour %d", *f);
    MPI_Win_get_attr(win, MPI_WIN_MODEL, &m, &flag);
    QT_CHECK(flag && *m == MPI_WIN_UNIFIED, "model %d", *m);
}

/* Name, info, attributes, error handler, displacement unit. */
void created(void)
{
    char name[MPI_MAX_OBJECT_NAME], text[MPI_MAX_INFO_VAL + 1] = "";
    MPI_Errhandler own, got;
    MPI_Info info, used;
    MPI_Win win;
    int key, flag, length, extra = 77, *seen = NULL;

    memset(memory, 0, sizeof(memory));
    MPI_Info_create(&info);
    MPI_Info_set(info, "no_locks", "true");
    MPI_Win_create(memory, sizeof(memory), 2 * sizeof(int), info, comm, &win);
    MPI_Info_free(&info);
    MPI_Win_set_name(win, "pane of glass");
    MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, MPI_WIN_NULL_DELETE_FN, &key, NULL);
    MPI_Win_set_attr(win, key, &extra);
    MPI_Win_create_errhandler(handler, &own);
    MPI_Win_set_errhandler(win, own);
    together();
    check_attributes(win, memory, sizeof(memory), 2 * sizeof(int), MPI_WIN_FLAVOR_CREATE);
    MPI_Win_get_name(win, name, &length);
    QT_CHECK(strcmp(name, "pane of glass") == 0, "name %s", name);
    MPI_Win_get_info(win, &used);
    MPI_Info_get(used, "no_locks", MPI_MAX_INFO_VAL, text, &flag);
    QT_CHECK(flag && strcmp(text, "true") == 0, "no_locks %d %s", flag, text);
    MPI_Info_free(&used);
    MPI_Win_get_attr(win, key, &seen, &flag);
    QT_CHECK(flag && seen == &extra, "attribute");
    MPI_Win_get_errhandler(win, &got);
    QT_CHECK(got == own, "error handler");
    MPI_Win_lock(12345, 0, 0, win);
    QT_CHECK(handled == MPI_ERR_LOCKTYPE, "handled %d", handled);
    MPI_Win_fence(0, win);
    put_next(win, COUNT / 2, 1);
    MPI_Win_fence(0, win);
    check(memory + COUNT, COUNT, previous_rank(), 1, "put");
    MPI_Win_delete_attr(win, key);
    MPI_Win_free_keyval(&key);
    MPI_Errhandler_free(&own);
    MPI_Errhandler_free(&got);
    MPI_Win_free(&win);
}

void allocated(void)
{
    const MPI_Aint size = 3 * COUNT * sizeof(int) + 12;
    int *base, *before;
    MPI_Win win;

    MPI_Win_allocate(size, sizeof(int), MPI_INFO_NULL, comm, &base, &win);
    before = base;
    fill(base, COUNT, qt_rank, 4);
    MPI_Win_fence(0, win);
    put_next(win, COUNT, 1);
    together();
    MPI_Win_fence(0, win);
    check(base, COUNT, qt_rank, 4, "what was there");
    check(base + COUNT, COUNT, previous_rank(), 1, "put");
    check_attributes(win, before, size, sizeof(int), MPI_WIN_FLAVOR_ALLOCATE);
    put_next(win, 2 * COUNT, 2);
    MPI_Win_fence(0, win);
    check(base + 2 * COUNT, COUNT, previous_rank(), 2, "put afterwards");
    MPI_Win_free(&win);
}

/* Memory attached before, detached and attached after the checkpoint. */
void dynamic(void)
{
    static int first[COUNT], second[COUNT], third[COUNT];
    MPI_Aint mine[3], theirs[3];
    MPI_Win win;

    memset(first, 0, sizeof(first));
    MPI_Win_create_dynamic(MPI_INFO_NULL, comm, &win);
    MPI_Win_attach(win, first, sizeof(first));
    MPI_Win_attach(win, second, sizeof(second));
    MPI_Get_address(first, &mine[0]);
    MPI_Get_address(second, &mine[1]);
    MPI_Get_address(third, &mine[2]);
    MPI_Sendrecv(mine, 3, MPI_AINT, previous_rank(), TAG, theirs, 3, MPI_AINT, next_rank(), TAG,
                 comm, MPI_STATUS_IGNORE);
    MPI_Win_lock_all(0, win);
    put_next(win, theirs[0], 1);
    together();
    check_attributes(win, MPI_BOTTOM, 0, 1, MPI_WIN_FLAVOR_DYNAMIC);
    MPI_Win_flush_all(win);
    put_next(win, theirs[1], 2);
    MPI_Win_unlock_all(win);
    MPI_Barrier(comm);
    check(first, COUNT, previous_rank(), 1, "first");
    check(second, COUNT, previous_rank(), 2, "second");
    MPI_Win_detach(win, first);
    MPI_Win_attach(win, third, sizeof(third));
    MPI_Win_fence(0, win);
    put_next(win, theirs[2], 3);
    MPI_Win_fence(0, win);
    check(third, COUNT, previous_rank(), 3, "third");
    MPI_Win_detach(win, second);
    MPI_Win_detach(win, third);
    MPI_Win_free(&win);
}

/* Every rank looks into the memory of every other one. */
static void check_shared(MPI_Win win, int **at, int step)
{
    MPI_Win_sync(win);
    MPI_Barrier(comm);
    for (int i = 0; i < qt_size; i++)
        check(at[i], COUNT, i, step, "shared");
    MPI_Barrier(comm);
}

void shared(void)
{
    int *base, *at[64], *again, unit;
    MPI_Aint size;
    MPI_Win win;

    MPI_Win_allocate_shared(COUNT * sizeof(int), sizeof(int), MPI_INFO_NULL, comm, &base, &win);
    MPI_Win_lock_all(0, win);
    for (int i = 0; i < qt_size; i++)
        MPI_Win_shared_query(win, i, &size, &unit, &at[i]);
    fill(base, COUNT, qt_rank, 1);
    check_shared(win, at, 1);
    fill(base, COUNT, qt_rank, 2);
    together();
    check_attributes(win, base, COUNT * sizeof(int), sizeof(int), MPI_WIN_FLAVOR_SHARED);
    check_shared(win, at, 2);
    fill(at[next_rank()], COUNT, next_rank(), 3);
    check_shared(win, at, 3);
    for (int i = 0; i < qt_size; i++) {
        MPI_Win_shared_query(win, i, &size, &unit, &again);
        QT_CHECK(again == at[i] && size == COUNT * sizeof(int) && unit == sizeof(int), "query");
    }
    put_next(win, 0, 4);
    MPI_Win_flush(next_rank(), win);
    MPI_Barrier(comm);
    check(base, COUNT, previous_rank(), 4, "put into shared memory");
    MPI_Win_unlock_all(win);
    MPI_Win_free(&win);
}

/* Counting in shared memory with the processor's atomic operations while the checkpoint comes. */
void shared_atomics(void)
{
    long *base, *zero, steps = 0, all = 0;
    MPI_Aint size;
    MPI_Win win;
    int unit;

    MPI_Win_allocate_shared(qt_rank == 0 ? sizeof(long) : 0, sizeof(long), MPI_INFO_NULL, comm,
                            &base, &win);
    MPI_Win_shared_query(win, MPI_PROC_NULL, &size, &unit, &zero);
    QT_CHECK(size == sizeof(long), "size %ld", (long)size);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, win);
    if (qt_rank == 0)
        *zero = 0;
    MPI_Barrier(comm);
    late();
    while (steps < 50 || (getenv("QUIESCE_TEST_DIR") != NULL && !qt_seen("done", number))) {
        __atomic_fetch_add(zero, 1, __ATOMIC_SEQ_CST);
        steps++;
    }
    MPI_Win_sync(win);
    MPI_Barrier(comm);
    MPI_Allreduce(&steps, &all, 1, MPI_LONG, MPI_SUM, comm);
    QT_CHECK(*zero == all, "%ld steps, counted %ld", all, *zero);
    MPI_Win_unlock_all(win);
    MPI_Win_free(&win);
}

/* Only rank 0 has memory; the window of another rank is empty. */
void empty_parts(void)
{
    MPI_Win win;
    int sum = 0, one = 1;

    memset(memory, 0, sizeof(memory));
    MPI_Win_create(qt_rank == 0 ? memory : NULL, qt_rank == 0 ? sizeof(memory) : 0, sizeof(int),
                   MPI_INFO_NULL, comm, &win);
    MPI_Win_fence(0, win);
    MPI_Accumulate(&one, 1, MPI_INT, 0, 3, 1, MPI_INT, MPI_SUM, win);
    MPI_Put(&one, 1, MPI_INT, MPI_PROC_NULL, 0, 1, MPI_INT, win);
    together();
    MPI_Accumulate(&one, 1, MPI_INT, 0, 3, 1, MPI_INT, MPI_SUM, win);
    MPI_Win_fence(0, win);
    MPI_Get(&sum, 1, MPI_INT, 0, 3, 1, MPI_INT, win);
    MPI_Win_fence(0, win);
    QT_CHECK(sum == 2 * qt_size, "sum %d", sum);
    MPI_Win_free(&win);
}

/* Windows of overlapping communicators that are freed, made in different orders. */
void of_parts(void)
{
    int pair[2] = {-1, -1}, whole[8], value_of = qt_rank * 10 + 1, me, size;
    MPI_Win win, small;
    MPI_Comm half, copy;

    memset(whole, 255, sizeof(whole));
    MPI_Comm_split(comm, qt_rank % 2, -qt_rank, &half);
    MPI_Comm_dup(comm, &copy);
    if (qt_rank % 2)
        MPI_Win_create(pair, sizeof(pair), sizeof(int), MPI_INFO_NULL, half, &small);
    MPI_Win_create(whole, sizeof(whole), sizeof(int), MPI_INFO_NULL, copy, &win);
    if (qt_rank % 2 == 0)
        MPI_Win_create(pair, sizeof(pair), sizeof(int), MPI_INFO_NULL, half, &small);
    MPI_Comm_rank(half, &me);
    MPI_Comm_size(half, &size);
    MPI_Comm_free(&half);
    MPI_Comm_free(&copy);
    together();
    MPI_Win_fence(0, small);
    MPI_Put(&value_of, 1, MPI_INT, (me + 1) % size, 1, 1, MPI_INT, small);
    MPI_Win_fence(0, small);
    MPI_Win_fence(0, win);
    MPI_Put(&value_of, 1, MPI_INT, next_rank(), 2, 1, MPI_INT, win);
    MPI_Win_fence(0, win);
    QT_CHECK(whole[2] == previous_rank() * 10 + 1, "whole %d", whole[2]);
    QT_CHECK(pair[1] > 0 && pair[1] / 10 % 2 == qt_rank % 2 && (size == 1 || pair[1] != value_of),
             "half %d", pair[1]);
    MPI_Win_free(&win);
    MPI_Win_free(&small);
}

/* Strided types at both ends, freed while the operations go on. */
void derived(void)
{
    MPI_Datatype comb;
    MPI_Win win;

    memset(memory, 255, sizeof(memory));
    fill(out, COUNT, qt_rank, 1);
    MPI_Type_vector(COUNT / 4, 1, 2, MPI_INT, &comb);
    MPI_Type_commit(&comb);
    MPI_Win_create(memory, sizeof(memory), sizeof(int), MPI_INFO_NULL, comm, &win);
    MPI_Win_fence(0, win);
    MPI_Put(out, 1, comb, next_rank(), 1, 1, comb, win);
    MPI_Type_free(&comb);
    together();
    MPI_Win_fence(0, win);
    for (int i = 0; i < COUNT / 2; i += 2)
        QT_CHECK(memory[i] == -1 && memory[i + 1] == value(previous_rank(), 1, i),
                 "element %d is %d", i, memory[i + 1]);
    MPI_Win_free(&win);
}

/* Many windows at once, every second one freed before the checkpoint. */
void many(void)
{
    enum { MANY = 12 };
    MPI_Win win[MANY];

    for (int i = 0; i < MANY; i++)
        MPI_Win_create(memory + 16 * i, 16 * sizeof(int), sizeof(int), MPI_INFO_NULL, comm,
                       &win[i]);
    for (int i = 0; i < MANY; i += 2)
        MPI_Win_free(&win[i]);
    for (int i = 1; i < MANY; i += 2) {
        MPI_Win_fence(0, win[i]);
        out[i] = value(qt_rank, i, 0);
        MPI_Put(&out[i], 1, MPI_INT, next_rank(), 3, 1, MPI_INT, win[i]);
    }
    together();
    for (int i = MANY - 1; i > 0; i -= 2) {
        MPI_Win_fence(0, win[i]);
        check(memory + 16 * i + 3, 1, previous_rank(), i, "one of many");
        MPI_Win_free(&win[i]);
    }
}
