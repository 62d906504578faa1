/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Functions of the application that the real MPI calls with a pointer of the
 * caller: data representations. The pointer leads to a record with the application's functions.
 */
#include "cr_stub_bind.h"
#include "cr_stub_wrap.h"

/* Data representations stay for the life of the process; so do their records. */
struct datarep {
    MPI_Datarep_conversion_function *read, *write;
    MPI_Datarep_extent_function *extent;
    void *extra;
};

static MPI_Datatype ours(MPI_Datatype real)
{
    return (MPI_Datatype)cr_handle_find(CR_KIND_DATATYPE, real);
}

static int datarep_read(void *user, MPI_Datatype type, int count, void *file, MPI_Offset position,
                        void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->read(user, ours(type), count, file, position, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

static int datarep_write(void *user, MPI_Datatype type, int count, void *file, MPI_Offset position,
                         void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->write(user, ours(type), count, file, position, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

static int datarep_extent(MPI_Datatype type, MPI_Aint *extent, void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->extent(ours(type), extent, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

CR_MPI(int, Register_datarep,
       (const char *datarep, MPI_Datarep_conversion_function *read_fn,
        MPI_Datarep_conversion_function *write_fn, MPI_Datarep_extent_function *extent_fn,
        void *extra_state))
{
    struct datarep *d;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    d = cr_pool_alloc(sizeof(*d));
    *d = (struct datarep){read_fn, write_fn, extent_fn, extra_state};
    fs = cr_lower_enter();
    rc = CR_REAL(Register_datarep)(
        datarep, read_fn != MPI_CONVERSION_FN_NULL ? datarep_read : MPI_CONVERSION_FN_NULL,
        write_fn != MPI_CONVERSION_FN_NULL ? datarep_write : MPI_CONVERSION_FN_NULL,
        extent_fn != NULL ? datarep_extent : NULL, d);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        cr_tool_datareps++;
    cr_gate_leave();
    return cr_raise_file(MPI_FILE_NULL, rc, "MPI_Register_datarep");
}
