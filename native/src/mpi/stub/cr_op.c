/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; rebuild: threads parked. The application's operations. The real MPI calls a
 * function without an argument for the caller's data, so there is a pool of functions: number i
 * switches FS to the application's, turns the real datatype into the handle, and calls the i-th
 * operation's function in its language.
 */
#include "cr_op.h"

#include "cr_stub_bind.h"
#include "cr_stub_wrap.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

/* Bits that the Fortran library and the functions below set in the handle. */
enum { OP_FORTRAN = 2, OP_CXX = 4, OP_JAVA = 8 };

struct op {
    struct cr_handle handle;
    char gap[CR_OP_FLAGS - sizeof(struct cr_handle)];
    uint32_t flags;      /* at CR_OP_FLAGS: libmpi_mpifh sets OP_FORTRAN here */
    uint32_t references; /* the application's, and those of persistent requests */
    MPI_User_function *function;
    int commute, thunk;
    MPI_User_function *cxx_function;
    void *java_environment, *java_object;
    int java_type;
};
_Static_assert(offsetof(struct op, flags) == CR_OP_FLAGS, "where mpifh looks");

typedef void fortran_fn(void *in, void *inout, int *length, MPI_Fint *type);
typedef void cxx_fn(void *in, void *inout, int *length, MPI_Datatype *type,
                    MPI_User_function *function);
typedef void java_fn(void *in, void *inout, int *length, MPI_Datatype *type, int java_type,
                     void *environment, void *object);

static struct op
    *ops[CR_OP_THUNKS]; /* by thunk; stays after a free, for collectives that are still under way */
static int next_thunk;
int cr_op_made;
static struct cr_lock ops_lock;

static void call(const struct op *op, void *in, void *inout, int *length, MPI_Datatype type)
{
    MPI_Fint fortran_type;

    if (op->flags & OP_FORTRAN) {
        fortran_type = PMPI_Type_c2f(type);
        ((fortran_fn *)op->function)(in, inout, length, &fortran_type);
    } else if (op->flags & OP_CXX) {
        ((cxx_fn *)op->function)(in, inout, length, &type, op->cxx_function);
    } else if (op->flags & OP_JAVA) {
        ((java_fn *)op->function)(in, inout, length, &type, op->java_type, op->java_environment,
                                  op->java_object);
    } else {
        op->function(in, inout, length, &type);
    }
}

/* Entered with FS of the lower half. */
void cr_op_call(int thunk, void *in, void *inout, int *length, MPI_Datatype *real_type)
{
    uint64_t lower = cr_stub_callback_enter();
    struct cr_handle *type = cr_handle_find(CR_KIND_DATATYPE, *real_type);
    int error = errno;

    cr_gate_depth++; /* in a drain the caller is not inside a wrapper, and must not park */
    call(ops[thunk], in, inout, length, type != NULL ? (MPI_Datatype)type : MPI_DATATYPE_NULL);
    cr_gate_depth--;
    errno = error;
    cr_stub_callback_leave(lower);
}

/* The next free number after the last one given, so that a freed one rests as long as possible. */
static int take_thunk(struct op *op)
{
    int thunk = -1;

    cr_lock_take(&ops_lock);
    for (int i = 0; i < CR_OP_THUNKS && thunk < 0; i++) {
        int n = (next_thunk + i) % CR_OP_THUNKS;

        if (ops[n] == NULL || ops[n]->handle.magic == 0)
            thunk = n;
    }
    if (thunk >= 0) {
        if (ops[thunk] != NULL)
            cr_pool_free(ops[thunk], sizeof(*op));
        ops[thunk] = op;
        next_thunk = (thunk + 1) % CR_OP_THUNKS;
    }
    cr_lock_give(&ops_lock);
    return thunk;
}

static int create(struct op *op)
{
    MPI_Op real = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Op_create)(cr_op_thunks[op->thunk], op->commute, &real);

    cr_lower_leave(fs);
    op->handle.real = real;
    return rc;
}

/* The record rests in ops[] until its number is given again. */
static void drop(struct op *op)
{
    cr_fortran_forget(&op->handle);
    op->handle.magic = 0;
}

CR_MPI(int, Op_create, (MPI_User_function * function, int commute, MPI_Op *op))
{
    struct op *made;
    int rc = MPI_ERR_ARG;

    cr_gate_enter();
    if (function != NULL && op != NULL) {
        made = (struct op *)cr_handle_new(CR_KIND_OP, sizeof(*made), NULL);
        made->function = function;
        made->commute = commute;
        made->references = 1;
        cr_op_made = 1;
        made->thunk = take_thunk(made);
        rc = made->thunk < 0 ? MPI_ERR_NO_MEM : create(made);
        if (rc == MPI_SUCCESS)
            *op = (MPI_Op)made;
        else if (made->thunk >= 0)
            drop(made);
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Op_create");
}

void cr_op_retain(MPI_Op handle)
{
    struct op *op = (struct op *)handle;

    if (!(op->handle.flags & CR_HANDLE_PREDEFINED))
        __atomic_add_fetch(&op->references, 1, __ATOMIC_RELAXED);
}

void cr_op_release(MPI_Op handle)
{
    struct op *op = (struct op *)handle;
    MPI_Op real = CR_REAL_OP(handle);
    uint64_t fs;

    if ((op->handle.flags & CR_HANDLE_PREDEFINED) ||
        __atomic_sub_fetch(&op->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    fs = cr_lower_enter();
    CR_REAL(Op_free)(&real);
    cr_lower_leave(fs);
    drop(op);
}

CR_MPI(int, Op_free, (MPI_Op * op))
{
    int rc = MPI_ERR_OP;

    cr_gate_enter();
    if (op != NULL && cr_wrap_is(*op, CR_KIND_OP) &&
        !(((struct cr_handle *)*op)->flags & CR_HANDLE_PREDEFINED)) {
        cr_op_release(*op);
        *op = MPI_OP_NULL;
        rc = MPI_SUCCESS;
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Op_free");
}

/* Called by libmpi_cxx and libmpi_java right after MPI_Op_create. */
void ompi_op_set_cxx_callback(MPI_Op op, MPI_User_function *function);
EXPORT void ompi_op_set_cxx_callback(MPI_Op op, MPI_User_function *function)
{
    ((struct op *)op)->cxx_function = function;
    ((struct op *)op)->flags |= OP_CXX;
}

void ompi_op_set_java_callback(MPI_Op op, void *environment, void *object, int java_type);
EXPORT void ompi_op_set_java_callback(MPI_Op op, void *environment, void *object, int java_type)
{
    struct op *own = (struct op *)op;

    own->java_environment = environment;
    own->java_object = object;
    own->java_type = java_type;
    own->flags |= OP_JAVA;
}

int cr_op_rebuild(struct cr_error *err)
{
    for (int i = 0; i < CR_OP_THUNKS; i++) {
        int rc = ops[i] != NULL && ops[i]->handle.magic != 0 ? create(ops[i]) : MPI_SUCCESS;

        if (rc != MPI_SUCCESS)
            return cr_fail(err, CR_EREFUSED, "an MPI operation cannot be made again: MPI error %d",
                           rc);
    }
    return 0;
}
