/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random communicators: made of one another in all ways, freed when nothing of them is under way. */
#include "random.h"

struct rn_comm rn_comms[COMMS];

int rn_comm_rank(int comm, int who)
{
    const struct rn_comm *c = &rn_comms[comm];
    int i;

    for (i = 0; i < c->size; i++)
        if (c->world[i] == who)
            return i;
    for (i = 0; i < c->remote; i++)
        if (c->far[i] == who)
            return i;
    return -1;
}

int rn_comm_has(int comm, int who)
{
    return rn_comm_rank(comm, who) >= 0;
}

static int draw(int wild, int inter)
{
    int i = rn_dice(COMMS), tries;

    for (tries = 0; tries < COMMS; tries++, i = (i + 1) % COMMS) {
        const struct rn_comm *c = &rn_comms[i];

        if (c->live && c->wild == wild && c->size + c->remote >= 2 && (inter || c->remote == 0))
            return i;
    }
    return -1;
}

int rn_comm_draw(int wild)
{
    return draw(wild, 0);
}

int rn_comm_draw_any(void)
{
    return draw(0, 1);
}

/* An empty entry that takes over what PARENT is; or -1. */
static int entry(int parent)
{
    int i;

    for (i = 0; i < COMMS; i++)
        if (!rn_comms[i].live) {
            rn_comms[i] = rn_comms[parent];
            rn_comms[i].handle = MPI_COMM_NULL;
            rn_comms[i].neighbours = 0;
            rn_comms[i].wild = rn_comms[parent].remote == 0 && rn_chance(20);
            return i;
        }
    return -1;
}

void rn_comms_begin(void)
{
    struct rn_comm *c = &rn_comms[0];
    int i;

    memset(rn_comms, 0, sizeof(rn_comms));
    c->live = 1;
    c->size = qt_size;
    for (i = 0; i < qt_size; i++)
        c->world[i] = i;
    c->handle = MPI_COMM_WORLD;
    for (i = 2 + rn_dice(3); i > 0; i--)
        rn_comm_make();
}

/* MY part of PARENT's members that are in C now must see themselves so. */
static void verify(int comm)
{
    struct rn_comm *c = &rn_comms[comm];
    int rank, size;

    if (!rn_comm_has(comm, qt_rank)) {
        QT_CHECK(c->handle == MPI_COMM_NULL, "a communicator that is not mine");
        return;
    }
    MPI_Comm_rank(c->handle, &rank);
    MPI_Comm_size(c->handle, &size);
    QT_CHECK(rank == rn_comm_rank(comm, qt_rank), "rank %d in a communicator, expected %d", rank,
             rn_comm_rank(comm, qt_rank));
    rn_note((uint64_t)(rank * 16 + size));
}

static void duplicate(int parent, int how)
{
    int i = entry(parent), me = rn_comm_has(parent, qt_rank);
    struct rn_comm *c = &rn_comms[i];
    MPI_Request request = MPI_REQUEST_NULL;
    int data = qt_rank, root = rn_dice(rn_comms[parent].size);

    if (i < 0)
        return;
    c->live = 1;
    c->neighbours = rn_comms[parent].neighbours;
    if (!me)
        return;
    if (how == 0) {
        MPI_Comm_dup(rn_comms[parent].handle, &c->handle);
    } else if (how == 1) {
        MPI_Comm_dup_with_info(rn_comms[parent].handle, MPI_INFO_NULL, &c->handle);
    } else {
        MPI_Comm_idup(rn_comms[parent].handle, &c->handle, &request);
        if (c->remote == 0)
            MPI_Bcast(&data, 1, MPI_INT, root, rn_comms[parent].handle);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    }
    verify(i);
}

/* Into the members with COLOUR[]; -1: none. Several new communicators. */
static void split(int parent)
{
    struct rn_comm p = rn_comms[parent];
    int colour[RANKS], key = rn_dice(2) ? 1 : -1, part, i;
    int me = rn_comm_rank(parent, qt_rank);
    MPI_Comm mine = MPI_COMM_NULL;

    for (i = 0; i < p.size; i++)
        colour[i] = rn_dice(3) - (rn_dice(3) == 0);
    if (me >= 0)
        MPI_Comm_split(p.handle, colour[me] >= 0 ? colour[me] : MPI_UNDEFINED, key * me, &mine);
    for (part = 0; part < 3; part++) {
        int at = entry(parent);
        struct rn_comm *c = &rn_comms[at];

        if (at < 0) {
            if (me >= 0 && colour[me] == part)
                MPI_Comm_free(&mine);
            continue;
        }
        c->size = 0;
        for (i = 0; i < p.size; i++) {
            int rank = key > 0 ? i : p.size - 1 - i;

            if (colour[rank] == part)
                c->world[c->size++] = p.world[rank];
        }
        c->live = c->size > 0;
        if (me >= 0 && colour[me] == part)
            c->handle = mine;
        if (c->live)
            verify(at);
    }
}

/* MPI_Comm_create and MPI_Comm_create_group, of some members in a new order. */
static void create(int parent, int by_group)
{
    const struct rn_comm *p = &rn_comms[parent];
    int at = entry(parent), size = 1 + rn_dice(p->size), first = rn_dice(p->size), ranks[RANKS], i;
    int tag = rn_tag(); /* Open MPI uses it for messages on the parent */
    struct rn_comm *c = &rn_comms[at];
    MPI_Group all, some;

    if (at < 0)
        return;
    c->live = 1;
    c->size = size;
    for (i = 0; i < size; i++) {
        ranks[i] = (first + i) % p->size;
        c->world[i] = p->world[ranks[i]];
    }
    if (!rn_comm_has(parent, qt_rank))
        return;
    MPI_Comm_group(p->handle, &all);
    MPI_Group_incl(all, size, ranks, &some);
    if (!by_group)
        MPI_Comm_create(p->handle, some, &c->handle);
    else if (rn_comm_has(at, qt_rank))
        MPI_Comm_create_group(p->handle, some, tag, &c->handle);
    MPI_Group_free(&all);
    MPI_Group_free(&some);
    verify(at);
}

static void cart(int parent)
{
    const struct rn_comm *p = &rn_comms[parent];
    int at = entry(parent), dims[2] = {1 + rn_dice(p->size), 1}, periods[2], i;
    struct rn_comm *c = &rn_comms[at];

    if (at < 0)
        return;
    dims[1] = p->size / dims[0];
    for (i = 0; i < 2; i++)
        periods[i] = rn_dice(2);
    c->live = 1;
    c->neighbours = 1;
    c->size = dims[0] * dims[1];
    c->in = c->out = 4;
    if (!rn_comm_has(parent, qt_rank))
        return;
    MPI_Cart_create(p->handle, 2, dims, periods, 0, &c->handle);
    verify(at);
}

/* A ring, and for some ranks a chord: as a graph or a distributed graph. */
static void graph(int parent, int distributed)
{
    const struct rn_comm *p = &rn_comms[parent];
    int at = entry(parent), n = p->size, me = rn_comm_rank(parent, qt_rank), index[RANKS], i;
    int edges[2 * RANKS], shift = 1 + rn_dice(2), weight = 1;
    struct rn_comm *c = &rn_comms[at];

    if (at < 0)
        return;
    c->live = 1;
    c->neighbours = 1;
    c->in = c->out = distributed ? 1 : 2;
    for (i = 0; i < n; i++) {
        index[i] = 2 * (i + 1);
        edges[2 * i] = (i + 1) % n;
        edges[2 * i + 1] = (i + n - 1) % n;
    }
    if (me < 0)
        return;
    if (distributed) {
        int from = (me + n * 2 - shift) % n, to = (me + shift) % n;

        MPI_Dist_graph_create_adjacent(p->handle, 1, &from, &weight, 1, &to, &weight, MPI_INFO_NULL,
                                       0, &c->handle);
    } else {
        MPI_Graph_create(p->handle, n, index, edges, 0, &c->handle);
    }
    verify(at);
}

/* Two halves, the intercommunicator between them, and perhaps what they make together. */
static void inter(int parent)
{
    const struct rn_comm p = rn_comms[parent];
    int at = entry(parent), cut = 1 + rn_dice(p.size - 1), me = rn_comm_rank(parent, qt_rank), i;
    int merge = rn_dice(2), together, upper = me >= cut, tag = rn_tag();
    struct rn_comm *c = &rn_comms[at];
    MPI_Comm half;

    if (at < 0)
        return;
    c->live = 1;
    c->wild = 0;
    c->size = cut;
    c->remote = p.size - cut;
    for (i = 0; i < c->remote; i++)
        c->far[i] = p.world[cut + i];
    if (me >= 0) {
        MPI_Comm_split(p.handle, upper, me, &half);
        MPI_Intercomm_create(half, 0, p.handle, upper ? 0 : cut, tag, &c->handle);
        MPI_Comm_free(&half);
        verify(at);
    }
    together = merge ? entry(parent) : -1;
    if (together < 0)
        return;
    rn_comms[together].live = 1;
    if (me >= 0)
        MPI_Intercomm_merge(c->handle, upper, &rn_comms[together].handle);
    verify(together);
}

void rn_comm_make(void)
{
    static const char *const names[] = {"dup",          "dup_with_info", "idup", "split", "split",
                                        "create_group", "create",        "cart", "graph", "inter"};
    int parent = rn_comm_draw(0), how = rn_dice(10);

    if (how < 3)
        parent = rn_comm_draw_any();
    if (parent < 0 || rn_without(names[how]))
        return;
    rn_trace("%s", names[how]);
    if (how < 3)
        duplicate(parent, how);
    else if (how == 3 || how == 4)
        split(parent);
    else if (how == 5 || how == 6)
        create(parent, how == 5);
    else if (how == 7)
        cart(parent);
    else if (how == 8)
        graph(parent, rn_dice(2));
    else
        inter(parent);
}

void rn_comm_free(void)
{
    int i = rn_dice(COMMS);

    if (i == 0 || !rn_comms[i].live || rn_comm_is_busy(i))
        return;
    rn_comms[i].live = 0;
    if (rn_comm_has(i, qt_rank))
        MPI_Comm_free(&rn_comms[i].handle);
}

void rn_comms_end(void)
{
    int i;

    for (i = 1; i < COMMS; i++)
        if (rn_comms[i].live && rn_comm_has(i, qt_rank))
            MPI_Comm_free(&rn_comms[i].handle);
}
