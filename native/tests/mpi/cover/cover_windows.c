/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of all flavours, every call between them, and what they can be asked. */
#include "cover.h"

enum { CREATED, ALLOCATED, DYNAMIC, SHARED, FLAVOURS, WORDS = 16 };

static MPI_Win wins[PASSES][FLAVOURS];
static int own[PASSES][WORDS], attached[PASSES][WORDS], *base[PASSES][FLAVOURS], places[4];
static int keyvals[PASSES], handled;
static MPI_Errhandler handlers[PASSES];
static MPI_Aint far[8];
static struct {
    MPI_Group group;
    MPI_Info info[2];
    MPI_Errhandler seen;
} asked[PASSES][FLAVOURS];

static int copy(MPI_Win win, int key, void *extra, void *in, void *out, int *flag)
{
    (void)win, (void)key, (void)extra;
    *(void **)out = in;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete(MPI_Win win, int key, void *value, void *extra)
{
    (void)win, (void)key, (void)extra;
    line("deleted %d", (int)((int *)value - places));
    return MPI_SUCCESS;
}

static void handler(MPI_Win *win, int *rc, ...)
{
    int class;

    (void)win;
    MPI_Error_class(*rc, &class);
    handled += class;
}

static void make(int p)
{
    MPI_Aint bytes = WORDS * sizeof(int), here;

    base[p][CREATED] = own[p];
    MPI_Win_create(own[p], bytes, sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &wins[p][CREATED]);
    MPI_Win_allocate(bytes, sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &base[p][ALLOCATED],
                     &wins[p][ALLOCATED]);
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &wins[p][DYNAMIC]);
    base[p][DYNAMIC] = attached[p];
    MPI_Win_attach(wins[p][DYNAMIC], attached[p], bytes);
    MPI_Win_allocate_shared(bytes, sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &base[p][SHARED],
                            &wins[p][SHARED]);
    MPI_Get_address(attached[p], &here);
    MPI_Allgather(&here, 1, MPI_AINT, far, 1, MPI_AINT, MPI_COMM_WORLD);
    MPI_Win_create_keyval(copy, delete, &keyvals[p], NULL);
    MPI_Win_create_errhandler(handler, &handlers[p]);
    for (int f = 0; f < FLAVOURS; f++)
        for (int i = 0; i < WORDS; i++)
            base[p][f][i] = 100 * rank + i;
    MPI_Barrier(MPI_COMM_WORLD);
}

static void forget(int p, int f)
{
    MPI_Group_free(&asked[p][f].group);
    MPI_Info_free(&asked[p][f].info[0]);
    MPI_Info_free(&asked[p][f].info[1]);
    MPI_Errhandler_free(&asked[p][f].seen);
}

static void describe(int p, int f)
{
    MPI_Win win = wins[p][f];
    char name[MPI_MAX_OBJECT_NAME];
    int length, n, found, *flavour;
    void *value = NULL;

    MPI_Win_set_name(win, "a window");
    MPI_Win_get_name(win, name, &length);
    MPI_Win_get_group(win, &asked[p][f].group);
    MPI_Group_size(asked[p][f].group, &n);
    MPI_Win_get_attr(win, MPI_WIN_CREATE_FLAVOR, &flavour, &found);
    MPI_Win_set_attr(win, keyvals[p], &places[1]);
    MPI_Win_get_attr(win, keyvals[p], &value, &found);
    line("%s of %d, flavour %d, attribute %d %d, %d", name, n, *flavour, found,
         (int)((int *)value - places), MPI_Win_f2c(MPI_Win_c2f(win)) == win);
    MPI_Win_delete_attr(win, keyvals[p]);
    MPI_Info_create(&asked[p][f].info[0]);
    MPI_Info_set(asked[p][f].info[0], "no_locks", "false");
    MPI_Win_set_info(win, asked[p][f].info[0]);
    MPI_Win_get_info(win, &asked[p][f].info[1]);
    MPI_Win_set_errhandler(win, handlers[p]);
    MPI_Win_get_errhandler(win, &asked[p][f].seen);
    handled = 0;
    MPI_Win_call_errhandler(win, MPI_ERR_ARG);
    line("handler %d, handled %d", asked[p][f].seen == handlers[p], handled);
}

/* Everybody to its neighbour, between fences. */
static void fenced(int p, int f)
{
    int to = (rank + 1) % size, sum = rank + 1, got = -1;
    MPI_Aint at = f == DYNAMIC ? far[to] : 0, step = f == DYNAMIC ? (MPI_Aint)sizeof(int) : 1;
    MPI_Win win = wins[p][f];

    MPI_Win_fence(0, win);
    MPI_Put(&rank, 1, MPI_INT, to, at, 1, MPI_INT, win);
    MPI_Accumulate(&sum, 1, MPI_INT, to, at + step, 1, MPI_INT, MPI_SUM, win);
    MPI_Get(&got, 1, MPI_INT, to, at + 5 * step, 1, MPI_INT, win);
    MPI_Win_fence(0, win);
    line("fenced %d: %d %d %d", f, base[p][f][0], base[p][f][1], got);
}

/* In turns, so that what is fetched is the same each time. */
static void locked(int p, int f)
{
    int to = (rank + 1) % size, one = 1, got[4] = {-1, -1, -1, -1}, other = 300 + to;
    MPI_Win win = wins[p][f];
    MPI_Request r[4];

    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, to, 0, win);
    MPI_Fetch_and_op(&one, &got[0], MPI_INT, to, 6, MPI_SUM, win);
    MPI_Win_flush(to, win);
    MPI_Get_accumulate(&one, 1, MPI_INT, &got[1], 1, MPI_INT, to, 6, 1, MPI_INT, MPI_SUM, win);
    MPI_Win_flush_local(to, win);
    MPI_Compare_and_swap(&other, &got[1], &got[2], MPI_INT, to, 7, win);
    MPI_Win_unlock(to, win);
    show("atomics", got, 3);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock_all(0, win);
    MPI_Rput(&rank, 1, MPI_INT, to, 8, 1, MPI_INT, win, &r[0]);
    MPI_Raccumulate(&one, 1, MPI_INT, to, 9, 1, MPI_INT, MPI_SUM, win, &r[1]);
    MPI_Rget(&got[0], 1, MPI_INT, to, 11, 1, MPI_INT, win, &r[2]);
    MPI_Rget_accumulate(&one, 1, MPI_INT, &got[1], 1, MPI_INT, to, 12, 1, MPI_INT, MPI_SUM, win,
                        &r[3]);
    MPI_Waitall(4, r, MPI_STATUSES_IGNORE);
    MPI_Win_flush_all(win);
    MPI_Win_flush_local_all(win);
    MPI_Win_sync(win);
    MPI_Win_unlock_all(win);
    show("requests", got, 2);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Rank 0 writes to the others, who wait for it; then the other way round. */
static void paired(int p, int f)
{
    MPI_Win win = wins[p][f];
    MPI_Group all, first, rest;
    int flag = 0;

    MPI_Comm_group(MPI_COMM_WORLD, &all);
    MPI_Group_incl(all, 1, (int[]){0}, &first);
    MPI_Group_excl(all, 1, (int[]){0}, &rest);
    if (rank == 0) {
        MPI_Win_start(rest, 0, win);
        for (int to = 1; to < size; to++)
            MPI_Put(&places[0], 1, MPI_INT, to, 10, 1, MPI_INT, win);
        MPI_Win_complete(win);
        MPI_Win_post(rest, 0, win);
        while (!flag)
            MPI_Win_test(win, &flag);
    } else {
        MPI_Win_post(first, 0, win);
        MPI_Win_wait(win);
        MPI_Win_start(first, 0, win);
        MPI_Put(&rank, 1, MPI_INT, 0, 10 + rank, 1, MPI_INT, win);
        MPI_Win_complete(win);
    }
    after_rank_0();
    show("paired", &base[p][f][10], 1 + size);
    MPI_Group_free(&all);
    MPI_Group_free(&first);
    MPI_Group_free(&rest);
}

static void shared(int p)
{
    MPI_Aint bytes;
    int unit, *there;

    MPI_Win_fence(0, wins[p][SHARED]);
    base[p][SHARED][15] = 7 * rank + p;
    MPI_Win_fence(0, wins[p][SHARED]);
    MPI_Win_shared_query(wins[p][SHARED], (rank + 1) % size, &bytes, &unit, &there);
    line("shared %ld %d: %d", (long)bytes, unit, there[15]);
    MPI_Win_fence(0, wins[p][SHARED]);
}

static void pass(int p)
{
    MPI_Win gone;
    int key, spare[4];
    MPI_Errhandler none;

    make(p);
    for (int q = 0; q <= p; q++) {
        for (int f = 0; f < FLAVOURS; f++) {
            if (q < p)
                forget(q, f);
            describe(q, f);
            if (f != DYNAMIC || q == p)
                fenced(q, f);
        }
        locked(q, CREATED);
        locked(q, ALLOCATED);
        paired(q, CREATED);
        shared(q);
    }
    MPI_Win_create(NULL, 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &gone);
    MPI_Win_free(&gone);
    MPI_Win_attach(wins[p][DYNAMIC], spare, sizeof(spare));
    MPI_Win_detach(wins[p][DYNAMIC], spare);
    MPI_Win_create_keyval(copy, delete, &key, NULL);
    MPI_Win_free_keyval(&key);
    MPI_Win_create_errhandler(handler, &none);
    MPI_Errhandler_free(&none);
    for (int q = 0; p == PASSES - 1 && q < PASSES; q++) {
        MPI_Win_detach(wins[q][DYNAMIC], attached[q]);
        for (int f = 0; f < FLAVOURS; f++)
            MPI_Win_free(&wins[q][f]);
        MPI_Win_free_keyval(&keyvals[q]);
        MPI_Errhandler_free(&handlers[q]);
    }
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
