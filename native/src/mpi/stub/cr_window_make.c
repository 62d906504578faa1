/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; drain and rebuild: threads parked. The real windows behind a window: made at its
 * creation and again after a restart, flushed by a drain.
 */
#include "cr_window.h"

#include "cr_internal.h"

#include <string.h>

MPI_Info cr_window_info(MPI_Info info)
{
    MPI_Info made = info;
    uint64_t fs;

    if (info == CR_REAL_INFO(MPI_INFO_NULL))
        return info;
    fs = cr_lower_enter();
    if (CR_REAL(Info_dup)(info, &made) == MPI_SUCCESS)
        CR_REAL(Info_delete)(made, "no_locks");
    cr_lower_leave(fs);
    return made;
}

/* The epoch that lasts as long as the window. Nobody ever takes an exclusive lock. FS: lower. */
static int open_epoch(MPI_Win real)
{
    int rc = CR_REAL(Win_set_errhandler)(real, (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));

    return rc == MPI_SUCCESS ? CR_REAL(Win_lock_all)(MPI_MODE_NOCHECK, real) : rc;
}

/* FS: lower. */
static int make_data(const struct cr_window *win, MPI_Info info, MPI_Win *made)
{
    MPI_Comm comm = (MPI_Comm)win->comm->keyed.handle.real;

    if (win->flavor == MPI_WIN_FLAVOR_DYNAMIC)
        return CR_REAL(Win_create_dynamic)(info, comm, made);
    return CR_REAL(Win_create)(win->base, win->size, win->unit, info, comm, made);
}

/* FS: lower. */
static int make_locks(struct cr_window *win, MPI_Win *made)
{
    return CR_REAL(Win_create)(win->words, sizeof(win->words), sizeof(*win->words),
                               CR_REAL_INFO(MPI_INFO_NULL), (MPI_Comm)win->comm->keyed.handle.real,
                               made);
}

int cr_window_make(struct cr_window *win, MPI_Info info)
{
    MPI_Win data = NULL, locks = NULL;
    MPI_Info allowed = cr_window_info(CR_REAL_INFO(info));
    uint64_t fs = cr_lower_enter();
    int rc = make_data(win, allowed, &data);

    if (rc == MPI_SUCCESS)
        rc = make_locks(win, &locks);
    if (rc == MPI_SUCCESS)
        rc = open_epoch(data);
    if (rc == MPI_SUCCESS)
        rc = open_epoch(locks);
    if (allowed != CR_REAL_INFO(MPI_INFO_NULL))
        CR_REAL(Info_free)(&allowed);
    cr_lower_leave(fs);
    win->keyed.handle.real = data;
    win->locks = locks;
    return rc;
}

int cr_window_unmake(struct cr_window *win)
{
    MPI_Win data = (MPI_Win)win->keyed.handle.real, locks = win->locks;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Win_unlock_all)(data);

    /* Nobody's memory goes away before all have used it. */
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Win_unlock_all)(locks);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Barrier)((MPI_Comm)win->comm->keyed.handle.real);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Win_free)(&data);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Win_free)(&locks);
    cr_lower_leave(fs);
    return rc;
}

/* ---- drain ---- */

int cr_window_flush(struct cr_error *err)
{
    for (struct cr_keyed *k = cr_window_list(); k != NULL; k = k->next) {
        struct cr_window *win = (struct cr_window *)k;
        uint64_t fs = cr_lower_enter();
        int rc = CR_REAL(Win_flush_all)((MPI_Win)k->handle.real);

        if (rc == MPI_SUCCESS)
            rc = CR_REAL(Win_flush_all)(win->locks);
        cr_lower_leave(fs);
        if (rc != MPI_SUCCESS)
            return cr_fail(err, CR_EINTERNAL,
                           "operations on window #%lu (%s) made by %s cannot be completed: MPI "
                           "error %d",
                           k->number, win->name, k->made_by, rc);
    }
    return 0;
}

int cr_window_progress(void)
{
    int flag;
    uint64_t fs;

    if (cr_window_list() == NULL)
        return 0;
    fs = cr_lower_enter();
    CR_REAL(Iprobe)(MPI_ANY_SOURCE, MPI_ANY_TAG, cr_internal_self, &flag, MPI_STATUS_IGNORE);
    cr_lower_leave(fs);
    return 1;
}

/* ---- after a restart ---- */

static int attach_again(struct cr_window *win)
{
    int rc = MPI_SUCCESS;
    uint64_t fs = cr_lower_enter();

    for (const struct cr_window_piece *p = win->pieces; p != NULL && rc == MPI_SUCCESS; p = p->next)
        rc = CR_REAL(Win_attach)((MPI_Win)win->keyed.handle.real, p->base, p->size);
    cr_lower_leave(fs);
    return rc;
}

static int same_model(const struct cr_window *win)
{
    int *model = NULL, flag = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Win_get_attr)((MPI_Win)win->keyed.handle.real, MPI_WIN_MODEL, &model, &flag);
    cr_lower_leave(fs);
    return flag && *model == win->model;
}

static int make_again(struct cr_window *win, struct cr_error *err)
{
    uint64_t fs;
    int rc;

    if (win->flavor == MPI_WIN_FLAVOR_SHARED && cr_window_share_again(win) != MPI_SUCCESS)
        return cr_fail(
            err, CR_EREFUSED,
            "the memory of window #%lu (%s) cannot be shared again: its ranks must be on "
            "one node, with %zu bytes free in /dev/shm",
            win->keyed.number, win->name, win->mapped);
    rc = cr_window_make(win, win->info);
    if (rc == MPI_SUCCESS)
        rc = attach_again(win);
    if (rc != MPI_SUCCESS)
        return cr_fail(err, CR_EREFUSED,
                       "window #%lu (%s) made by %s cannot be made again: MPI error %d; is there a "
                       "one-sided component for this transport?",
                       win->keyed.number, win->name, win->keyed.made_by, rc);
    if (!same_model(win))
        return cr_fail(err, CR_EREFUSED,
                       "window #%lu (%s) has another memory model than before: restart on the "
                       "transport of the checkpoint",
                       win->keyed.number, win->name);
    fs = cr_lower_enter();
    CR_REAL(Win_set_name)((MPI_Win)win->keyed.handle.real, win->name);
    cr_lower_leave(fs);
    return 0;
}

/* The order of the identities of their communicators, which is the same on all ranks. */
static int before(const struct cr_window *a, const struct cr_window *b)
{
    if (a->comm->id_high != b->comm->id_high)
        return a->comm->id_high < b->comm->id_high;
    return a->comm->id_low < b->comm->id_low;
}

static struct cr_window *first_behind(const struct cr_window *last)
{
    struct cr_window *first = NULL;

    for (struct cr_keyed *k = cr_window_list(); k != NULL; k = k->next) {
        struct cr_window *win = (struct cr_window *)k;

        if ((last == NULL || before(last, win)) && (first == NULL || before(win, first)))
            first = win;
    }
    return first;
}

int cr_window_rebuild(struct cr_error *err)
{
    int rc = 0;

    for (struct cr_window *win = first_behind(NULL); win != NULL && rc == 0;
         win = first_behind(win))
        rc = make_again(win, err);
    return rc;
}
