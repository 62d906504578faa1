/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; check: threads parked. Windows: handles with clock, error handler and attributes.
 * They cannot be made again after a restart yet, so a checkpoint is refused while one lives.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

struct window {
    struct cr_keyed keyed;
    char gap[CR_WIN_ATTRIBUTES - sizeof(struct cr_keyed)];
    struct cr_attributes *attributes;
};
_Static_assert(offsetof(struct window, attributes) == CR_WIN_ATTRIBUTES, "where mpifh looks");

static struct cr_keyed *windows;
static uint64_t made_count;
static struct cr_lock windows_lock;

static void add(struct cr_keyed *win)
{
    cr_lock_take(&windows_lock);
    win->number = ++made_count;
    win->next = windows;
    windows = win;
    cr_lock_give(&windows_lock);
}

static void forget(struct cr_keyed *win)
{
    cr_lock_take(&windows_lock);
    for (struct cr_keyed **at = &windows; *at != NULL; at = &(*at)->next) {
        if (*at == win) {
            *at = win->next;
            break;
        }
    }
    cr_lock_give(&windows_lock);
    cr_errhandler_drop(win);
    cr_handle_delete(&win->handle, sizeof(struct window));
}

MPI_Win cr_window_new(MPI_Win real, MPI_Comm comm, const char *made_by)
{
    MPI_Errhandler returns = (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN);
    struct cr_keyed *win =
        (struct cr_keyed *)cr_handle_new(CR_KIND_WIN, sizeof(struct window), real);
    uint64_t fs;

    win->clock = cr_quiesce_parent(comm);
    win->made_by = made_by;
    add(win);
    fs = cr_lower_enter();
    CR_REAL(Win_set_errhandler)(real, returns);
    cr_lower_leave(fs);
    cr_attributes_make(win);
    return (MPI_Win)win;
}

static int free_window(MPI_Win *win)
{
    struct cr_keyed *gone = (struct cr_keyed *)*win;
    MPI_Win real = CR_REAL_WIN(gone);
    uint64_t fs;
    int rc = cr_attributes_delete(gone);

    if (rc != MPI_SUCCESS)
        return rc;
    fs = cr_lower_enter();
    rc = CR_REAL(Win_free)(&real);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    forget(gone);
    *win = MPI_WIN_NULL;
    return MPI_SUCCESS;
}

CR_MPI(int, Win_free, (MPI_Win * win))
{
    MPI_Win on = win != NULL ? *win : MPI_WIN_NULL;
    int rc = MPI_ERR_WIN;

    cr_gate_enter();
    if (cr_wrap_is(on, CR_KIND_WIN)) {
        cr_wrap_begin_win(on);
        rc = free_window(win);
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_win(on, rc, "MPI_Win_free");
}

int cr_window_check(struct cr_error *err)
{
    if (windows == NULL)
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "window #%lu made by %s is alive: free it before the checkpoint",
                   windows->number, windows->made_by);
}
