/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Fences, attached memory, and what a window says of itself.
 */
#include "cr_window.h"

#include <string.h>

/* ---- fences ---- */

/* Inside the bracket of the window's clock. */
static int fence(struct cr_window *win, int assert)
{
    int rc = MPI_SUCCESS;
    uint64_t fs;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    fs = cr_lower_enter();
    if (!(assert &MPI_MODE_NOPRECEDE))
        rc = CR_REAL(Win_flush_all)((MPI_Win)win->keyed.handle.real);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Barrier)((MPI_Comm)win->comm->keyed.handle.real);
    cr_lower_leave(fs);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return rc;
}

static int may_fence(const struct cr_window *win, int assert)
{
    if (win == NULL)
        return MPI_ERR_WIN;
    if (assert & ~(MPI_MODE_NOSTORE | MPI_MODE_NOPUT | MPI_MODE_NOPRECEDE | MPI_MODE_NOSUCCEED))
        return MPI_ERR_ASSERT;
    if (cr_window_is_in_epoch(win))
        return MPI_ERR_RMA_SYNC;
    return MPI_SUCCESS;
}

CR_MPI(int, Win_fence, (int assert, MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = may_fence(win, assert);
    if (rc == MPI_SUCCESS) {
        cr_wrap_begin_win(handle);
        rc = fence(win, assert);
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_fence");
}

/* ---- memory of dynamic windows ---- */

/* In the order of the calls. */
static void remember(struct cr_window *win, void *base, MPI_Aint size)
{
    struct cr_window_piece *p = cr_pool_alloc(sizeof(*p)), **at = &win->pieces;

    p->base = base;
    p->size = size;
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
}

static void forget(struct cr_window *win, const void *base)
{
    for (struct cr_window_piece **at = &win->pieces; *at != NULL; at = &(*at)->next) {
        struct cr_window_piece *p = *at;

        if (p->base != base)
            continue;
        *at = p->next;
        cr_pool_free(p, sizeof(*p));
        return;
    }
}

CR_MPI(int, Win_attach, (MPI_Win handle, void *base, MPI_Aint size))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;
    uint64_t fs;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL) {
        fs = cr_lower_enter();
        rc = CR_REAL(Win_attach)((MPI_Win)win->keyed.handle.real, base, size);
        cr_lower_leave(fs);
    }
    if (rc == MPI_SUCCESS)
        remember(win, base, size);
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_attach");
}

CR_MPI(int, Win_detach, (MPI_Win handle, const void *base))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;
    uint64_t fs;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL) {
        fs = cr_lower_enter();
        rc = CR_REAL(Win_detach)((MPI_Win)win->keyed.handle.real, base);
        cr_lower_leave(fs);
    }
    if (rc == MPI_SUCCESS)
        forget(win, base);
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_detach");
}

/* ---- what a window says of itself ---- */

void *cr_window_attribute(void *handle, int key)
{
    struct cr_window *win = handle;

    switch (key) {
    case MPI_WIN_BASE:
        return win->base;
    case MPI_WIN_SIZE:
        return &win->size;
    case MPI_WIN_DISP_UNIT:
        return &win->unit;
    case MPI_WIN_CREATE_FLAVOR:
        return &win->flavor;
    default:
        return &win->model;
    }
}

CR_MPI(int, Win_set_name, (MPI_Win handle, const char *name))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;
    uint64_t fs;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL) {
        fs = cr_lower_enter();
        rc = CR_REAL(Win_set_name)((MPI_Win)win->keyed.handle.real, name);
        cr_lower_leave(fs);
    }
    if (rc == MPI_SUCCESS)
        strncpy(win->name, name, sizeof(win->name) - 1);
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_set_name");
}

CR_MPI(int, Win_get_info, (MPI_Win handle, MPI_Info *info_used))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win == NULL)
        rc = MPI_ERR_WIN;
    else
        rc = info_used != NULL ? PMPI_Info_dup(win->info, info_used) : MPI_ERR_INFO;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_get_info");
}

/* What the real window makes of INFO, which is already without what is ours. */
static int set_info(struct cr_window *win, MPI_Info info)
{
    MPI_Info allowed = cr_window_info(CR_REAL_INFO(info)), told = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Win_set_info)((MPI_Win)win->keyed.handle.real, allowed);

    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Win_get_info)((MPI_Win)win->keyed.handle.real, &told);
    if (allowed != CR_REAL_INFO(MPI_INFO_NULL))
        CR_REAL(Info_free)(&allowed);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    PMPI_Info_free(&win->info);
    win->info = cr_info_new(told, win->keyed.made_by);
    return MPI_SUCCESS;
}

CR_MPI(int, Win_set_info, (MPI_Win handle, MPI_Info info))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL && !cr_wrap_is(info, CR_KIND_INFO)) {
        rc = MPI_ERR_INFO;
    } else if (win != NULL) {
        cr_wrap_begin_win(handle);
        rc = set_info(win, info);
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_set_info");
}

/* ---- flushes ---- */

/* osc/pt2pt 4.1 can hang in a local flush; osc/rdma does the same for both. */
CR_MPI(int, Win_flush_local, (int rank, MPI_Win handle))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Win_flush)(rank, CR_REAL_WIN(handle));
    cr_lower_leave(fs);
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_flush_local");
}
