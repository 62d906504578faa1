/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Error handlers live in the upper half: in the lower half all errors return, and
 * the wrapper calls the handler of the object afterwards, with the application's FS and outside of
 * all gates.
 */
#include "cr_errhandler.h"

#include "cr_stub_wrap.h"

#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))
#define MESSAGE 512

struct cr_errhandler *cr_errhandler_of(const struct cr_keyed *object)
{
    if (object->errhandler != NULL)
        return object->errhandler;
    if (object->handle.kind == CR_KIND_FILE)
        return (struct cr_errhandler *)MPI_ERRORS_RETURN;
    return (struct cr_errhandler *)MPI_ERRORS_ARE_FATAL;
}

static const char *object_name(const struct cr_keyed *object)
{
    const struct cr_communicator *comm = (const struct cr_communicator *)object;

    if (object->handle.kind == CR_KIND_WIN)
        return "window";
    if (object->handle.kind == CR_KIND_FILE)
        return "file";
    if ((MPI_Comm)object == MPI_COMM_WORLD)
        return "communicator MPI_COMM_WORLD";
    if ((MPI_Comm)object == MPI_COMM_SELF)
        return "communicator MPI_COMM_SELF";
    return comm->name[0] != '\0' ? comm->name : "communicator";
}

static void die(const struct cr_keyed *object, int rc, const char *name)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    uint64_t fs;

    fflush(NULL);
    fs = cr_lower_enter();
    CR_REAL(Error_string)(rc, text, &length);
    cr_lower_leave(fs);
    cr_stub_say("*** An error occurred in %s\n*** on %s, rank %d of MPI_COMM_WORLD\n*** %s\n"
                "*** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort)\n",
                name, object_name(object), ((struct cr_communicator *)MPI_COMM_WORLD)->rank, text);
    fs = cr_lower_enter();
    CR_REAL(Abort)
    (CR_REAL_COMM(object->handle.kind == CR_KIND_COMM ? (MPI_Comm)object : MPI_COMM_WORLD), rc);
    cr_lower_leave(fs);
}

static void call_c(struct cr_errhandler *handler, struct cr_keyed *object, int *rc,
                   const char *name)
{
    MPI_Comm comm = (MPI_Comm)object;
    MPI_Win win = (MPI_Win)object;
    MPI_File file = (MPI_File)object;

    if (handler->for_kind == CR_KIND_COMM)
        ((MPI_Comm_errhandler_function *)handler->function)(&comm, rc, name);
    else if (handler->for_kind == CR_KIND_WIN)
        ((MPI_Win_errhandler_function *)handler->function)(&win, rc, name);
    else
        ((MPI_File_errhandler_function *)handler->function)(&file, rc, name);
}

static MPI_Fint fortran_of(struct cr_keyed *object)
{
    if (object->handle.kind == CR_KIND_COMM)
        return PMPI_Comm_c2f((MPI_Comm)object);
    if (object->handle.kind == CR_KIND_WIN)
        return PMPI_Win_c2f((MPI_Win)object);
    return PMPI_File_c2f((MPI_File)object);
}

static void call(struct cr_errhandler *handler, struct cr_keyed *object, int rc, const char *name)
{
    MPI_Fint fortran_object, fortran_rc = rc;

    if (handler->language == CR_ERRHANDLER_FORTRAN) {
        fortran_object = fortran_of(object);
        ((cr_errhandler_fortran_fn *)handler->function)(&fortran_object, &fortran_rc);
    } else if (handler->language == CR_ERRHANDLER_CXX && handler->cxx_dispatch != NULL) {
        handler->cxx_dispatch(&object, &rc, name, handler->function);
    } else {
        call_c(handler, object, &rc, name);
    }
}

static cr_errhandler_thrower_fn *thrower_of(const struct cr_errhandler *handler,
                                            const struct cr_keyed *object)
{
    if (object->handle.kind == CR_KIND_COMM)
        return handler->throwers.comm;
    return object->handle.kind == CR_KIND_WIN ? handler->throwers.win : handler->throwers.file;
}

static struct cr_keyed *responsible(struct cr_keyed *object)
{
    int kind;

    if ((uintptr_t)object < 4096 || object->handle.magic != CR_HANDLE_MAGIC)
        return (struct cr_keyed *)MPI_COMM_WORLD;
    kind = object->handle.kind;
    if ((MPI_File)object == MPI_FILE_NULL)
        return object;
    if ((object->handle.flags & CR_HANDLE_NULL) ||
        (kind != CR_KIND_COMM && kind != CR_KIND_WIN && kind != CR_KIND_FILE))
        return (struct cr_keyed *)MPI_COMM_WORLD;
    return object;
}

int cr_raise(struct cr_keyed *object, int rc, const char *name)
{
    struct cr_errhandler *handler;

    if (rc == MPI_SUCCESS)
        return rc;
    object = responsible(object);
    handler = cr_errhandler_of(object);
    if (handler == (struct cr_errhandler *)MPI_ERRORS_RETURN)
        return rc;
    if (handler->function != NULL)
        call(handler, object, rc, name);
    else if (thrower_of(handler, object) != NULL)
        thrower_of(handler, object)(&object, &rc);
    else
        die(object, rc, name);
    return rc;
}

void cr_errhandler_inherit(struct cr_keyed *made, const struct cr_keyed *parent)
{
    made->errhandler = parent != NULL ? parent->errhandler : NULL;
    cr_errhandler_retain(made->errhandler);
}

void cr_errhandler_drop(struct cr_keyed *object)
{
    struct cr_errhandler *handler = object->errhandler;

    object->errhandler = NULL;
    cr_errhandler_release(handler);
}

void cr_errhandler_retain(struct cr_errhandler *handler)
{
    if (handler != NULL && !(handler->handle.flags & CR_HANDLE_PREDEFINED))
        __atomic_add_fetch(&handler->references, 1, __ATOMIC_RELAXED);
}

void cr_errhandler_release(struct cr_errhandler *handler)
{
    if (handler == NULL || (handler->handle.flags & CR_HANDLE_PREDEFINED))
        return;
    if (__atomic_sub_fetch(&handler->references, 1, __ATOMIC_ACQ_REL) == 0)
        cr_handle_delete(&handler->handle, sizeof(*handler));
}

MPI_Errhandler cr_errhandler_new(enum cr_kind for_kind, cr_errhandler_any_fn *function,
                                 int language)
{
    struct cr_errhandler *made =
        (struct cr_errhandler *)cr_handle_new(CR_KIND_ERRHANDLER, sizeof(*made), NULL);

    made->for_kind = (int)for_kind;
    made->function = function;
    made->language = language;
    made->references = 1;
    return (MPI_Errhandler)made;
}

void cr_errhandler_init(void)
{
    MPI_Errhandler returns = (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN);
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_set_errhandler)(CR_REAL_COMM(MPI_COMM_WORLD), returns);
    CR_REAL(Comm_set_errhandler)(CR_REAL_COMM(MPI_COMM_SELF), returns);
    CR_REAL(File_set_errhandler)(CR_REAL_FILE(MPI_FILE_NULL), returns);
    cr_lower_leave(fs);
}

/* Called by libmpi_mpifh and libmpi_cxx. TYPE: 1 communicator, 2 window, 3 file. */
MPI_Errhandler ompi_errhandler_create(int type, cr_errhandler_any_fn *function, int language);
EXPORT MPI_Errhandler ompi_errhandler_create(int type, cr_errhandler_any_fn *function, int language)
{
    static const enum cr_kind kinds[] = {CR_KIND_NONE, CR_KIND_COMM, CR_KIND_WIN, CR_KIND_FILE};

    return cr_errhandler_new(kinds[type & 3], function, language);
}

/*
 * Called by the bindings for errors that they find themselves: HANDLER and TYPE are fields of what
 * they take for the object.
 */
int ompi_errhandler_invoke(void *handler, void *object, int type, int rc, const char *message);
EXPORT int ompi_errhandler_invoke(void *handler, void *object, int type, int rc,
                                  const char *message)
{
    (void)handler;
    (void)type;
    return cr_raise(object, rc, message);
}

/* Open MPI calls it when a binding is used before MPI_Init or after MPI_Finalize. */
void ompi_mpi_errors_are_fatal_comm_handler(MPI_Comm *comm, int *rc, ...);
EXPORT void ompi_mpi_errors_are_fatal_comm_handler(MPI_Comm *comm, int *rc, ...)
{
    die((struct cr_keyed *)(comm != NULL ? *comm : MPI_COMM_WORLD),
        rc != NULL ? *rc : MPI_ERR_OTHER, "a call before MPI_Init or after MPI_Finalize");
}
