/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Helpers of the generated wrappers. */
#include "cr_stub_wrap.h"

/*
 * Open MPI 4.1 keeps the datatypes of MPI_Ialltoallw alive, but on a communicator with a topology it looks at as many as there
 * are neighbours, perhaps more than the array has: what follows must be datatypes too.
 */
enum { SLACK = 64 };

void cr_wrap_arrays_begin(struct cr_wrap_arrays *arrays, int count)
{
    arrays->size = count > 0 ? ((size_t)count + SLACK) * sizeof(void *) : 0;
    arrays->memory = arrays->size > 0 ? cr_pool_alloc(arrays->size) : NULL;
    arrays->used = 0;
    for (int i = 0; arrays->memory != NULL && i < SLACK; i++)
        arrays->memory[count + i] = cr_handle_real(MPI_BYTE);
}

void *cr_wrap_array(struct cr_wrap_arrays *arrays, const void *handles, int count)
{
    void *const *from = handles;
    void **to = arrays->memory + arrays->used;

    if ((uintptr_t)handles < 4096 || count <= 0)
        return (void *)(uintptr_t)handles;
    for (int i = 0; i < count; i++)
        to[i] = cr_handle_real(from[i]);
    arrays->used += (size_t)count;
    return to;
}

void cr_wrap_arrays_free(struct cr_wrap_arrays *arrays)
{
    cr_pool_free(arrays->memory, arrays->size);
    arrays->memory = NULL;
}

void cr_wrap_freed(void **handle, enum cr_kind kind)
{
    static const size_t sizes[CR_KIND_COUNT] = {[CR_KIND_INFO] = sizeof(struct cr_handle)};
    struct cr_handle *gone = *handle;

    *handle = cr_handle_null(kind);
    if (gone != NULL && !(gone->flags & CR_HANDLE_PREDEFINED) && sizes[kind] > 0)
        cr_handle_delete(gone, sizes[kind]);
}

int cr_peer_count(MPI_Comm comm)
{
    return cr_wrap_is(comm, CR_KIND_COMM) ? ((struct cr_communicator *)comm)->peer_size : 0;
}

int cr_root_count(MPI_Comm comm, int root)
{
    const struct cr_communicator *c = (const struct cr_communicator *)comm;

    if (!cr_wrap_is(comm, CR_KIND_COMM))
        return 0;
    if (root == MPI_ROOT)
        return c->peer_size;
    return !(c->flags & CR_COMM_INTER) && c->rank == root ? c->peer_size : 0;
}

int cr_local_count(MPI_Comm comm)
{
    return cr_wrap_is(comm, CR_KIND_COMM) ? ((struct cr_communicator *)comm)->size : 0;
}

static void neighbors(MPI_Comm comm, int *in, int *out)
{
    MPI_Comm real = CR_REAL_COMM(comm);
    int topology = MPI_UNDEFINED, weighted, dimensions = 0;
    uint64_t fs = cr_lower_enter();

    *in = *out = 0;
    CR_REAL(Topo_test)(real, &topology);
    if (topology == MPI_CART) {
        CR_REAL(Cartdim_get)(real, &dimensions);
        *in = *out = 2 * dimensions;
    } else if (topology == MPI_GRAPH) {
        CR_REAL(Graph_neighbors_count)(real, ((struct cr_communicator *)comm)->rank, in);
        *out = *in;
    } else if (topology == MPI_DIST_GRAPH) {
        CR_REAL(Dist_graph_neighbors_count)(real, in, out, &weighted);
    }
    cr_lower_leave(fs);
}

int cr_neighbors_in(MPI_Comm comm)
{
    int in = 0, out = 0;

    if (cr_wrap_is(comm, CR_KIND_COMM))
        neighbors(comm, &in, &out);
    return in;
}

int cr_neighbors_out(MPI_Comm comm)
{
    int in = 0, out = 0;

    if (cr_wrap_is(comm, CR_KIND_COMM))
        neighbors(comm, &in, &out);
    return out;
}
