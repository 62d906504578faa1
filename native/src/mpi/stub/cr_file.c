/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; check: threads parked. Files: handles with clock and error handler. They cannot be
 * made again after a restart yet, so a checkpoint is refused while one lives.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

static struct cr_keyed *files;
static uint64_t made_count;
static struct cr_lock files_lock;

static void add(struct cr_keyed *file)
{
    cr_lock_take(&files_lock);
    file->number = ++made_count;
    file->next = files;
    files = file;
    cr_lock_give(&files_lock);
}

static void forget(struct cr_keyed *file)
{
    cr_lock_take(&files_lock);
    for (struct cr_keyed **at = &files; *at != NULL; at = &(*at)->next) {
        if (*at == file) {
            *at = file->next;
            break;
        }
    }
    cr_lock_give(&files_lock);
    cr_errhandler_drop(file);
    cr_handle_delete(&file->handle, sizeof(struct cr_keyed));
}

MPI_File cr_file_new(MPI_File real, MPI_Comm comm, const char *made_by)
{
    struct cr_keyed *file =
        (struct cr_keyed *)cr_handle_new(CR_KIND_FILE, sizeof(struct cr_keyed), real);

    file->clock = cr_quiesce_parent(comm);
    file->made_by = made_by;
    add(file);
    cr_errhandler_inherit(file, (struct cr_keyed *)MPI_FILE_NULL);
    return (MPI_File)file;
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
    forget(gone);
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

int cr_file_check(struct cr_error *err)
{
    if (files == NULL)
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "open MPI file #%lu made by %s is alive: close it before the checkpoint",
                   files->number, files->made_by);
}
