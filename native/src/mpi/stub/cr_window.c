/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; check: threads parked. Windows and files: handles with clock, error handler and
 * attributes. They cannot be made again after a restart yet, so a checkpoint is refused while one
 * lives.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

struct window {
    struct cr_keyed keyed;
    char gap[CR_WIN_ATTRIBUTES - sizeof(struct cr_keyed)];
    struct cr_attributes *attributes;
};
_Static_assert(offsetof(struct window, attributes) == CR_WIN_ATTRIBUTES, "where mpifh looks");

static struct cr_keyed *live[2]; /* windows, files */
static uint64_t made_count[2];
static struct cr_lock live_lock;

static struct cr_keyed *make(enum cr_kind kind, size_t size, void *real, MPI_Comm comm,
                             const char *made_by)
{
    int which = kind == CR_KIND_FILE;
    struct cr_keyed *keyed = (struct cr_keyed *)cr_handle_new(kind, size, real);

    keyed->clock = cr_quiesce_parent(comm);
    keyed->made_by = made_by;
    cr_lock_take(&live_lock);
    keyed->number = ++made_count[which];
    keyed->next = live[which];
    live[which] = keyed;
    cr_lock_give(&live_lock);
    return keyed;
}

static void forget(struct cr_keyed *keyed, size_t size)
{
    int which = keyed->handle.kind == CR_KIND_FILE;

    cr_lock_take(&live_lock);
    for (struct cr_keyed **at = &live[which]; *at != NULL; at = &(*at)->next) {
        if (*at == keyed) {
            *at = keyed->next;
            break;
        }
    }
    cr_lock_give(&live_lock);
    cr_errhandler_drop(keyed);
    cr_handle_delete(&keyed->handle, size);
}

MPI_Win cr_window_new(MPI_Win real, MPI_Comm comm, const char *made_by)
{
    MPI_Errhandler returns = (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN);
    struct cr_keyed *win = make(CR_KIND_WIN, sizeof(struct window), real, comm, made_by);
    uint64_t fs = cr_lower_enter();

    CR_REAL(Win_set_errhandler)(real, returns);
    cr_lower_leave(fs);
    cr_attributes_make(win);
    return (MPI_Win)win;
}

MPI_File cr_file_new(MPI_File real, MPI_Comm comm, const char *made_by)
{
    struct cr_keyed *file = make(CR_KIND_FILE, sizeof(struct cr_keyed), real, comm, made_by);

    cr_errhandler_inherit(file, (struct cr_keyed *)MPI_FILE_NULL);
    return (MPI_File)file;
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
    forget(gone, sizeof(struct window));
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

static int close_file(MPI_File *file)
{
    struct cr_keyed *gone = (struct cr_keyed *)*file;
    MPI_File real = CR_REAL_FILE(gone);
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(File_close)(&real);

    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    forget(gone, sizeof(struct cr_keyed));
    *file = MPI_FILE_NULL;
    return MPI_SUCCESS;
}

CR_MPI(int, File_close, (MPI_File * file))
{
    MPI_File on = file != NULL ? *file : MPI_FILE_NULL;
    int rc = MPI_ERR_FILE;

    cr_gate_enter();
    if (cr_wrap_is(on, CR_KIND_FILE)) {
        cr_wrap_begin_file(on);
        rc = close_file(file);
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_file(on, rc, "MPI_File_close");
}

int cr_window_check(struct cr_error *err)
{
    static const char *const what[] = {"window", "open MPI file"};
    static const char *const remedy[] = {"free", "close"};

    for (int which = 0; which < 2; which++) {
        const struct cr_keyed *first = live[which];

        if (first != NULL)
            return cr_fail(err, CR_EREFUSED,
                           "%s #%lu made by %s is alive: %s it before the checkpoint", what[which],
                           first->number, first->made_by, remedy[which]);
    }
    return 0;
}
