/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; making: threads parked. Topologies: the numbers that describe them are asked
 * from the real MPI when the communicator is made, kept with it, and put on the communicator that is
 * made again, whose ranks are already in the right order.
 */
#include "cr_communicator.h"

#include <string.h>

struct cr_topology {
    int kind;          /* MPI_CART, MPI_GRAPH or MPI_DIST_GRAPH */
    int first, second; /* dimensions; nodes and edges; neighbours in and out */
    int weighted;
    size_t size; /* bytes of the whole */
    int values[];
};

static struct cr_topology *topology_new(int kind, int first, int second, int count)
{
    size_t size = sizeof(struct cr_topology) + (size_t)count * sizeof(int);
    struct cr_topology *t = cr_pool_alloc(size);

    t->kind = kind;
    t->first = first;
    t->second = second;
    t->size = size;
    return t;
}

static struct cr_topology *record_cart(MPI_Comm real)
{
    struct cr_topology *t;
    int d = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Cartdim_get)(real, &d);
    cr_lower_leave(fs);
    t = topology_new(MPI_CART, d, 0, 3 * d);
    fs = cr_lower_enter();
    CR_REAL(Cart_get)(real, d, t->values, t->values + d, t->values + 2 * d);
    cr_lower_leave(fs);
    return t;
}

static struct cr_topology *record_graph(MPI_Comm real)
{
    struct cr_topology *t;
    int nodes = 0, edges = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Graphdims_get)(real, &nodes, &edges);
    cr_lower_leave(fs);
    t = topology_new(MPI_GRAPH, nodes, edges, nodes + edges);
    fs = cr_lower_enter();
    CR_REAL(Graph_get)(real, nodes, edges, t->values, t->values + nodes);
    cr_lower_leave(fs);
    return t;
}

/* Sources, their weights, destinations, their weights. */
static struct cr_topology *record_neighbours(MPI_Comm real)
{
    struct cr_topology *t;
    int in = 0, out = 0, weighted = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Dist_graph_neighbors_count)(real, &in, &out, &weighted);
    cr_lower_leave(fs);
    t = topology_new(MPI_DIST_GRAPH, in, out, 2 * (in + out) + 1);
    t->weighted = weighted;
    fs = cr_lower_enter();
    CR_REAL(Dist_graph_neighbors)
    (real, in, t->values, t->values + in, out, t->values + 2 * in, t->values + 2 * in + out);
    cr_lower_leave(fs);
    return t;
}

void cr_topology_record(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    int kind = MPI_UNDEFINED;
    uint64_t fs;

    if (!(comm->flags & CR_COMM_TOPOLOGY))
        return;
    fs = cr_lower_enter();
    CR_REAL(Topo_test)(real, &kind);
    cr_lower_leave(fs);
    if (kind == MPI_CART)
        comm->topology = record_cart(real);
    else if (kind == MPI_GRAPH)
        comm->topology = record_graph(real);
    else if (kind == MPI_DIST_GRAPH)
        comm->topology = record_neighbours(real);
}

void cr_topology_forget(struct cr_communicator *comm)
{
    if (comm->topology != NULL)
        cr_pool_free(comm->topology, comm->topology->size);
    comm->topology = NULL;
}

size_t cr_topology_bytes(const struct cr_communicator *comm)
{
    return comm->topology == NULL ? 0 : (comm->topology->size + 7) / 8 * 8;
}

void cr_topology_write(const struct cr_communicator *comm, char *to)
{
    if (comm->topology != NULL)
        memcpy(to, comm->topology, comm->topology->size);
}

/* Each rank of a distributed graph knows its own neighbours only: this one needs none. */
void cr_topology_read(struct cr_communicator *comm, const char *from)
{
    struct cr_topology head;

    memcpy(&head, from, sizeof(head));
    comm->topology = cr_pool_alloc(head.size);
    memcpy(comm->topology, from, head.size);
    if (head.kind == MPI_DIST_GRAPH)
        comm->topology->first = comm->topology->second = 0;
}

/* FS is the lower half's. */
static int make(const struct cr_topology *t, MPI_Comm flat, MPI_Comm *ret_real)
{
    const int *v = t->values;
    int in = t->first, out = t->second;

    if (t->kind == MPI_CART)
        return CR_REAL(Cart_create)(flat, t->first, v, v + t->first, 0, ret_real);
    if (t->kind == MPI_GRAPH)
        return CR_REAL(Graph_create)(flat, t->first, v, v + t->first, 0, ret_real);
    return CR_REAL(Dist_graph_create_adjacent)(
        flat, in, v, t->weighted ? v + in : MPI_UNWEIGHTED, out, v + 2 * in,
        t->weighted ? v + 2 * in + out : MPI_UNWEIGHTED, CR_REAL_INFO(MPI_INFO_NULL), 0, ret_real);
}

int cr_topology_make(const struct cr_communicator *comm, MPI_Comm flat, MPI_Comm *ret_real)
{
    uint64_t fs;
    int rc;

    *ret_real = flat;
    if (comm->topology == NULL)
        return MPI_SUCCESS;
    fs = cr_lower_enter();
    rc = make(comm->topology, flat, ret_real);
    if (rc == MPI_SUCCESS)
        CR_REAL(Comm_free)(&flat);
    cr_lower_leave(fs);
    return rc;
}
