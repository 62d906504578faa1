/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; making: threads parked. Cartesian topologies: dimensions and periods are kept
 * with the communicator and put on the communicator made again, whose ranks are already in the
 * right order. Graphs are not kept: they refuse a checkpoint.
 */
#include "cr_communicator.h"

struct cr_topology {
    int dimensions;
    size_t size; /* bytes of the whole */
    int *dims, *periods;
};

void cr_topology_record(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    struct cr_topology *t;
    int kind = MPI_UNDEFINED, dimensions = 0;
    size_t size;
    int *coords;
    uint64_t fs;

    if (!(comm->flags & CR_COMM_TOPOLOGY))
        return;
    fs = cr_lower_enter();
    CR_REAL(Topo_test)(real, &kind);
    if (kind == MPI_CART)
        CR_REAL(Cartdim_get)(real, &dimensions);
    cr_lower_leave(fs);
    if (kind != MPI_CART)
        return;
    size = sizeof(*t) + 3 * (size_t)dimensions * sizeof(int);
    t = cr_pool_alloc(size);
    t->size = size;
    t->dimensions = dimensions;
    t->dims = (int *)(t + 1);
    t->periods = t->dims + dimensions;
    coords = t->periods + dimensions;
    fs = cr_lower_enter();
    CR_REAL(Cart_get)(real, dimensions, t->dims, t->periods, coords);
    cr_lower_leave(fs);
    comm->topology = t;
}

void cr_topology_forget(struct cr_communicator *comm)
{
    if (comm->topology != NULL)
        cr_pool_free(comm->topology, comm->topology->size);
    comm->topology = NULL;
}

int cr_topology_make(const struct cr_communicator *comm, MPI_Comm flat, MPI_Comm *ret_real)
{
    const struct cr_topology *t = comm->topology;
    uint64_t fs;
    int rc;

    *ret_real = flat;
    if (t == NULL)
        return MPI_SUCCESS;
    fs = cr_lower_enter();
    rc = CR_REAL(Cart_create)(flat, t->dimensions, t->dims, t->periods, 0, ret_real);
    if (rc == MPI_SUCCESS)
        CR_REAL(Comm_free)(&flat);
    cr_lower_leave(fs);
    return rc;
}
