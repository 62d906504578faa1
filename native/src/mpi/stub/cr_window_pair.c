/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Epochs of groups: MPI_Win_post sends an empty message to each origin, which
 * MPI_Win_start receives; MPI_Win_complete sends one back, behind a flush, which MPI_Win_wait
 * receives. The messages are the application's as far as a checkpoint knows: drained, and kept.
 */
#include "cr_window.h"

enum { POSTED = 1, COMPLETED };

/* The ranks of GROUP in WIN. A code of MPI. */
static int ranks_of(const struct cr_window *win, MPI_Group group, int nocheck,
                    struct cr_window_ranks **ret_ranks)
{
    MPI_Group real = CR_REAL_GROUP(group), all = NULL;
    struct cr_window_ranks *ranks;
    int count = 0, rc;
    size_t size;
    uint64_t fs = cr_lower_enter();

    rc = CR_REAL(Group_size)(real, &count);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    size = sizeof(*ranks) + 2 * (size_t)count * sizeof(int);
    ranks = cr_pool_alloc(size);
    ranks->size = size;
    ranks->count = ranks->awaited = count;
    ranks->nocheck = nocheck;
    for (int i = 0; i < count; i++)
        ranks->rank[count + i] = i;
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_group)((MPI_Comm)win->comm->keyed.handle.real, &all);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Group_translate_ranks)(real, count, ranks->rank + count, all, ranks->rank);
    CR_REAL(Group_free)(&all);
    cr_lower_leave(fs);
    for (int i = 0; i < count && rc == MPI_SUCCESS; i++)
        if (ranks->rank[i] < 0)
            rc = MPI_ERR_RANK;
    *ret_ranks = ranks;
    if (rc != MPI_SUCCESS)
        cr_window_ranks_free(ret_ranks);
    return rc;
}

static int tell(const struct cr_window *win, const struct cr_window_ranks *ranks, int tag)
{
    int rc = MPI_SUCCESS;

    for (int i = 0; i < ranks->count && rc == MPI_SUCCESS; i++)
        rc = PMPI_Send(NULL, 0, MPI_BYTE, ranks->rank[i], tag, (MPI_Comm)win->comm);
    return rc;
}

static int hear(const struct cr_window *win, int rank, int tag)
{
    int rc;

    cr_gate_call.about = win;
    rc = PMPI_Recv(NULL, 0, MPI_BYTE, rank, tag, (MPI_Comm)win->comm, MPI_STATUS_IGNORE);
    cr_gate_call.about = NULL;
    return rc;
}

static int post(struct cr_window *win, MPI_Group group, int assert)
{
    int rc;

    if (assert & ~(MPI_MODE_NOCHECK | MPI_MODE_NOSTORE | MPI_MODE_NOPUT))
        return MPI_ERR_ASSERT;
    if (win->exposure != NULL)
        return MPI_ERR_RMA_SYNC;
    rc = ranks_of(win, group, assert &MPI_MODE_NOCHECK, &win->exposure);
    if (rc != MPI_SUCCESS || win->exposure->nocheck)
        return rc;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return tell(win, win->exposure, POSTED);
}

CR_MPI(int, Win_post, (MPI_Group group, int assert, MPI_Win handle))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL)
        rc = cr_wrap_is(group, CR_KIND_GROUP) ? post(win, group, assert) : MPI_ERR_GROUP;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_post");
}

static int start(struct cr_window *win, MPI_Group group, int assert)
{
    int rc;

    if (assert & ~MPI_MODE_NOCHECK)
        return MPI_ERR_ASSERT;
    if (cr_window_has_access(win))
        return MPI_ERR_RMA_SYNC;
    rc = ranks_of(win, group, assert &MPI_MODE_NOCHECK, &win->access);
    if (rc != MPI_SUCCESS || win->access->nocheck)
        return rc;
    for (int i = 0; i < win->access->count && rc == MPI_SUCCESS; i++)
        rc = hear(win, win->access->rank[i], POSTED);
    return rc;
}

CR_MPI(int, Win_start, (MPI_Group group, int assert, MPI_Win handle))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL)
        rc = cr_wrap_is(group, CR_KIND_GROUP) ? start(win, group, assert) : MPI_ERR_GROUP;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_start");
}

static int complete(struct cr_window *win)
{
    int rc = MPI_SUCCESS;
    uint64_t fs;

    if (win->access == NULL)
        return MPI_ERR_RMA_SYNC;
    fs = cr_lower_enter();
    for (int i = 0; i < win->access->count && rc == MPI_SUCCESS; i++)
        rc = CR_REAL(Win_flush)(win->access->rank[i], (MPI_Win)win->keyed.handle.real);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        rc = tell(win, win->access, COMPLETED);
    if (rc == MPI_SUCCESS)
        cr_window_ranks_free(&win->access);
    return rc;
}

CR_MPI(int, Win_complete, (MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? complete(win) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_complete");
}

/* Forgets who has completed; at the end the epoch. */
static void has_completed(struct cr_window *win, int place)
{
    struct cr_window_ranks *ranks = win->exposure;

    ranks->rank[place] = ranks->rank[--ranks->awaited];
    if (ranks->awaited > 0)
        return;
    cr_window_ranks_free(&win->exposure);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static int wait(struct cr_window *win)
{
    int rc = MPI_SUCCESS;

    if (win->exposure == NULL)
        return MPI_ERR_RMA_SYNC;
    if (win->exposure->count == 0)
        cr_window_ranks_free(&win->exposure);
    while (win->exposure != NULL && rc == MPI_SUCCESS) {
        rc = hear(win, win->exposure->rank[win->exposure->awaited - 1], COMPLETED);
        if (rc == MPI_SUCCESS)
            has_completed(win, win->exposure->awaited - 1);
    }
    return rc;
}

CR_MPI(int, Win_wait, (MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? wait(win) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_wait");
}

static int test(struct cr_window *win, int *flag)
{
    int rc = MPI_SUCCESS, arrived = 1;

    if (win->exposure == NULL)
        return MPI_ERR_RMA_SYNC;
    if (win->exposure->count == 0)
        cr_window_ranks_free(&win->exposure);
    while (win->exposure != NULL && arrived && rc == MPI_SUCCESS) {
        int place = win->exposure->awaited - 1;
        int rank = win->exposure->rank[place];

        rc = PMPI_Iprobe(rank, COMPLETED, (MPI_Comm)win->comm, &arrived, MPI_STATUS_IGNORE);
        if (rc == MPI_SUCCESS && arrived)
            rc = hear(win, rank, COMPLETED);
        if (rc == MPI_SUCCESS && arrived)
            has_completed(win, place);
    }
    *flag = win->exposure == NULL;
    return rc;
}

CR_MPI(int, Win_test, (MPI_Win handle, int *flag))
{
    struct cr_window *win;
    int rc = MPI_ERR_ARG;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win == NULL)
        rc = MPI_ERR_WIN;
    else if (flag != NULL)
        rc = test(win, flag);
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_test");
}
