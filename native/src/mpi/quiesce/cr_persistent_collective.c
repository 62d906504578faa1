/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Life of persistent collectives. */
#include "cr_persistent.h"
#include "cr_stub_wrap.h"

#include <string.h>

void *cr_persistent_new(size_t size, size_t arrays)
{
    struct cr_persistent_call *call = cr_pool_alloc(size + arrays);

    call->size = size + arrays;
    call->used = size;
    return call;
}

const void *cr_persistent_copy(struct cr_persistent_call *call, const void *from, int count,
                               size_t each)
{
    char *to = (char *)call + call->used;

    if ((uintptr_t)from < 4096 || count <= 0)
        return from;
    memcpy(to, from, (size_t)count * each);
    call->used += cr_persistent_bytes(count, each);
    return to;
}

const void *cr_persistent_real(void *space, const void *handles, int count)
{
    void *const *from = handles;
    void **to = space;
    int i;

    if ((uintptr_t)handles < 4096 || count <= 0)
        return handles;
    for (i = 0; i < count; i++)
        to[i] = cr_handle_real(from[i]);
    return to;
}

/* Arguments that are not significant on this rank may be anything. */
static void retain_type(MPI_Datatype type)
{
    if (cr_wrap_is(type, CR_KIND_DATATYPE))
        cr_datatype_retain(type);
}

static void release_type(MPI_Datatype type)
{
    if (cr_wrap_is(type, CR_KIND_DATATYPE))
        cr_datatype_release(type);
}

static void retain_op(MPI_Op op)
{
    if (cr_wrap_is(op, CR_KIND_OP))
        cr_op_retain(op);
}

static void release_op(MPI_Op op)
{
    if (cr_wrap_is(op, CR_KIND_OP))
        cr_op_release(op);
}

static int make(struct cr_persistent_call *call, MPI_Request *ret_real)
{
    int rc = call->make(call, ret_real);

    if (rc == MPI_SUCCESS)
        call->generation = cr_lower->generation;
    return rc;
}

int cr_persistent_create(struct cr_persistent_call *call, MPI_Comm comm, const char *made_by,
                         MPI_Request *ret_request)
{
    MPI_Request real = NULL;
    int rc = ret_request == NULL ? MPI_ERR_REQUEST : make(call, &real);

    if (rc != MPI_SUCCESS) {
        cr_pool_free(call, call->size);
        return rc;
    }
    call->visit(call, retain_type, retain_op);
    *ret_request =
        cr_request_adopt(CR_REQUEST_PERSISTENT_COLLECTIVE, comm, real, made_by, call, call->size);
    return MPI_SUCCESS;
}

int cr_persistent_start(struct cr_request *r)
{
    struct cr_persistent_call *call = r->scratch;
    int rc = MPI_SUCCESS;
    uint64_t fs;

    cr_collective_begin(r->comm);
    if (call->generation != cr_lower->generation)
        rc = make(call, (MPI_Request *)&r->handle.real);
    if (rc == MPI_SUCCESS) {
        fs = cr_lower_enter();
        rc = CR_REAL(Start)((MPI_Request *)&r->handle.real);
        cr_lower_leave(fs);
    }
    if (rc == MPI_SUCCESS)
        cr_request_activate(r);
    cr_collective_end();
    return rc;
}

void cr_persistent_freed(struct cr_request *r)
{
    struct cr_persistent_call *call = r->scratch;
    uint64_t fs;

    if (call->generation == cr_lower->generation) {
        fs = cr_lower_enter();
        CR_REAL(Request_free)((MPI_Request *)&r->handle.real);
        cr_lower_leave(fs);
    }
    call->visit(call, release_type, release_op);
}
