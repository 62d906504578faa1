/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The calls of MPI about error handlers, for communicators, windows and files. */
#include "cr_errhandler.h"
#include "cr_stub_wrap.h"

static int create(enum cr_kind kind, cr_errhandler_any_fn *function, MPI_Errhandler *ret_handler,
                  const char *name)
{
    if (function == NULL || ret_handler == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, name);
    cr_gate_enter();
    *ret_handler = cr_errhandler_new(kind, function, CR_ERRHANDLER_C);
    cr_gate_leave();
    return MPI_SUCCESS;
}

static int wrong(void *object, enum cr_kind kind)
{
    return !cr_wrap_is(object, kind) &&
           !(kind == CR_KIND_FILE && (MPI_File)object == MPI_FILE_NULL);
}

static int set(void *object, enum cr_kind kind, MPI_Errhandler errhandler, int rc_wrong,
               const char *name)
{
    struct cr_errhandler *handler = (struct cr_errhandler *)errhandler;
    struct cr_keyed *keyed = object;

    if (wrong(object, kind))
        return cr_raise(object, rc_wrong, name);
    if (!cr_wrap_is(errhandler, CR_KIND_ERRHANDLER) ||
        (handler->for_kind != 0 && handler->for_kind != (int)kind))
        return cr_raise(object, MPI_ERR_ARG, name);
    cr_gate_enter();
    cr_errhandler_retain(handler);
    cr_errhandler_drop(keyed);
    keyed->errhandler = handler;
    cr_gate_leave();
    return MPI_SUCCESS;
}

static int get(void *object, enum cr_kind kind, MPI_Errhandler *ret_errhandler, int rc_wrong,
               const char *name)
{
    if (wrong(object, kind))
        return cr_raise(object, rc_wrong, name);
    if (ret_errhandler == NULL)
        return cr_raise(object, MPI_ERR_ARG, name);
    *ret_errhandler = (MPI_Errhandler)cr_errhandler_of(object);
    cr_errhandler_retain((struct cr_errhandler *)*ret_errhandler);
    return MPI_SUCCESS;
}

/* The handler is called; the call itself succeeds. */
static int invoke(void *object, enum cr_kind kind, int errorcode, int rc_wrong, const char *name)
{
    if (wrong(object, kind))
        return cr_raise(object, rc_wrong, name);
    cr_raise(object, errorcode, name);
    return MPI_SUCCESS;
}

CR_MPI(int, Comm_create_errhandler,
       (MPI_Comm_errhandler_function * function, MPI_Errhandler *errhandler))
{
    return create(CR_KIND_COMM, (cr_errhandler_any_fn *)function, errhandler,
                  "MPI_Comm_create_errhandler");
}

CR_MPI(int, Errhandler_create, (MPI_Handler_function * function, MPI_Errhandler *errhandler))
{
    return create(CR_KIND_COMM, (cr_errhandler_any_fn *)function, errhandler,
                  "MPI_Errhandler_create");
}

CR_MPI(int, Win_create_errhandler,
       (MPI_Win_errhandler_function * function, MPI_Errhandler *errhandler))
{
    return create(CR_KIND_WIN, (cr_errhandler_any_fn *)function, errhandler,
                  "MPI_Win_create_errhandler");
}

CR_MPI(int, File_create_errhandler,
       (MPI_File_errhandler_function * function, MPI_Errhandler *errhandler))
{
    return create(CR_KIND_FILE, (cr_errhandler_any_fn *)function, errhandler,
                  "MPI_File_create_errhandler");
}

CR_MPI(int, Errhandler_free, (MPI_Errhandler * errhandler))
{
    if (errhandler == NULL || !cr_wrap_is(*errhandler, CR_KIND_ERRHANDLER))
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, "MPI_Errhandler_free");
    cr_gate_enter();
    cr_errhandler_release((struct cr_errhandler *)*errhandler);
    *errhandler = MPI_ERRHANDLER_NULL;
    cr_gate_leave();
    return MPI_SUCCESS;
}

CR_MPI(int, Comm_set_errhandler, (MPI_Comm comm, MPI_Errhandler errhandler))
{
    return set(comm, CR_KIND_COMM, errhandler, MPI_ERR_COMM, "MPI_Comm_set_errhandler");
}

CR_MPI(int, Errhandler_set, (MPI_Comm comm, MPI_Errhandler errhandler))
{
    return set(comm, CR_KIND_COMM, errhandler, MPI_ERR_COMM, "MPI_Errhandler_set");
}

CR_MPI(int, Win_set_errhandler, (MPI_Win win, MPI_Errhandler errhandler))
{
    return set(win, CR_KIND_WIN, errhandler, MPI_ERR_WIN, "MPI_Win_set_errhandler");
}

CR_MPI(int, File_set_errhandler, (MPI_File file, MPI_Errhandler errhandler))
{
    return set(file, CR_KIND_FILE, errhandler, MPI_ERR_FILE, "MPI_File_set_errhandler");
}

CR_MPI(int, Comm_get_errhandler, (MPI_Comm comm, MPI_Errhandler *errhandler))
{
    return get(comm, CR_KIND_COMM, errhandler, MPI_ERR_COMM, "MPI_Comm_get_errhandler");
}

CR_MPI(int, Errhandler_get, (MPI_Comm comm, MPI_Errhandler *errhandler))
{
    return get(comm, CR_KIND_COMM, errhandler, MPI_ERR_COMM, "MPI_Errhandler_get");
}

CR_MPI(int, Win_get_errhandler, (MPI_Win win, MPI_Errhandler *errhandler))
{
    return get(win, CR_KIND_WIN, errhandler, MPI_ERR_WIN, "MPI_Win_get_errhandler");
}

CR_MPI(int, File_get_errhandler, (MPI_File file, MPI_Errhandler *errhandler))
{
    return get(file, CR_KIND_FILE, errhandler, MPI_ERR_FILE, "MPI_File_get_errhandler");
}

CR_MPI(int, Comm_call_errhandler, (MPI_Comm comm, int errorcode))
{
    return invoke(comm, CR_KIND_COMM, errorcode, MPI_ERR_COMM, "MPI_Comm_call_errhandler");
}

CR_MPI(int, Win_call_errhandler, (MPI_Win win, int errorcode))
{
    return invoke(win, CR_KIND_WIN, errorcode, MPI_ERR_WIN, "MPI_Win_call_errhandler");
}

CR_MPI(int, File_call_errhandler, (MPI_File file, int errorcode))
{
    return invoke(file, CR_KIND_FILE, errorcode, MPI_ERR_FILE, "MPI_File_call_errhandler");
}
