/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random collectives: blocking and not, in place, on all kinds of communicators. */
#include "random.h"

#include <mpi-ext.h>

enum what {
    BARRIER,
    BCAST,
    ALLREDUCE,
    ALLGATHER,
    ON_INTER, /* the ones above may be drawn for an intercommunicator */
    REDUCE = ON_INTER,
    GATHER,
    SCATTER,
    ALLTOALL,
    SCAN,
    EXSCAN,
    REDUCE_SCATTER_BLOCK,
    REDUCE_SCATTER,
    GATHERV,
    SCATTERV,
    ALLGATHERV,
    ALLTOALLV,
    ALLTOALLW,
    PLAINS,
    NEIGHBOR_ALLGATHER = PLAINS,
    NEIGHBOR_ALLTOALL,
    NEIGHBOR_ALLTOALLV,
    KINDS
};

enum { MOST_PARTS = 8, KEPT = 4 };

/* The arrays of v and w variants: as long-lived as the request. */
struct arrays {
    int out[MOST_PARTS], out_at[MOST_PARTS], in[MOST_PARTS], in_at[MOST_PARTS];
    MPI_Datatype types[MOST_PARTS];
};

struct call {
    enum what what;
    int comm, root, type, count, in_place, event;
    /* of this rank */
    int me, size;
    const void *send;
    void *out, *in;
    size_t out_bytes, in_bytes;
    MPI_Comm handle;
    MPI_Datatype data; /* of data that is moved */
    MPI_Datatype number;
    MPI_Op op;
    struct arrays *a;
    MPI_Request *request; /* NULL: blocking */
    int kept;             /* persistent */
};

/* A persistent one, with its slot on each member. */
struct kept {
    int used, slots[RANKS];
    struct call call;
};

static struct kept kept[KEPT];

/* All forms of a collective have the same arguments but the last. */
#define CALL(name, iname, ...)                                                                     \
    (c->kept              ? MPIX_##name##_init(__VA_ARGS__, MPI_INFO_NULL, c->request)             \
     : c->request != NULL ? MPI_##iname(__VA_ARGS__, c->request)                                   \
                          : MPI_##name(__VA_ARGS__))

static void draw_reduction(struct call *c)
{
    const MPI_Op ops[] = {MPI_SUM, MPI_MAX, MPI_MIN, MPI_BXOR, MPI_BAND, MPI_PROD};
    const MPI_Datatype numbers[] = {MPI_INT, MPI_UNSIGNED_LONG, MPI_SHORT};

    c->op = ops[rn_dice(6)];
    c->number = numbers[rn_dice(3)];
    if (rn_chance(25)) {
        c->op = rn_compose;
        c->number = rn_affine;
    }
}

/* How many blocks of COUNT elements are sent and received by one rank at most. */
static void make_buffers(struct call *c)
{
    int parts = c->size > MOST_PARTS ? c->size : MOST_PARTS;
    size_t one = rn_type_bytes(c->type, c->count) + (size_t)rn_types[c->type].extent,
           eight = 8 * (size_t)(c->count + 1);

    c->out_bytes = c->in_bytes = (size_t)parts * (one > eight ? one : eight);
    c->out = rn_take(c->out_bytes);
    c->in = rn_take(c->in_bytes);
    rn_fill(c->out, c->out_bytes, rn_mix((uint64_t)c->event, (uint64_t)qt_rank));
    if (c->in_place)
        memcpy(c->in, c->out, c->in_bytes);
    c->send = c->in_place ? MPI_IN_PLACE : c->out;
}

/* From rank I to rank J go so many elements. */
static int part(const struct call *c, int i, int j)
{
    return (c->event + 3 * i + 5 * j) % (c->count + 1);
}

static void make_arrays(struct call *c)
{
    int i, out = 0, in = 0;

    for (i = 0; i < MOST_PARTS; i++) /* Open MPI reads as many as there are neighbours */
        c->a->types[i] = c->data;
    for (i = 0; i < c->size; i++) {
        int pairwise = c->what == ALLTOALLV || c->what == ALLTOALLW;
        int sent = pairwise ? part(c, c->me, i) : part(c, i, i),
            got = pairwise ? part(c, i, c->me) : part(c, i, i);
        int scale = c->what == ALLTOALLW ? (int)rn_types[c->type].extent : 1;

        c->a->out[i] = sent;
        c->a->in[i] = got;
        c->a->out_at[i] = out * scale;
        c->a->in_at[i] = in * scale;
        out += sent;
        in += got;
    }
}

static int reduce_kinds(struct call *c)
{
    const void *mine = c->in_place && c->me != c->root ? c->out : c->send;

    switch (c->what) {
    case ALLREDUCE:
        return CALL(Allreduce, Iallreduce, c->send, c->in, c->count, c->number, c->op, c->handle);
    case REDUCE:
        return CALL(Reduce, Ireduce, mine, c->in, c->count, c->number, c->op, c->root, c->handle);
    case SCAN:
        return CALL(Scan, Iscan, c->send, c->in, c->count, c->number, c->op, c->handle);
    case EXSCAN:
        return CALL(Exscan, Iexscan, c->send, c->in, c->count, c->number, c->op, c->handle);
    case REDUCE_SCATTER_BLOCK:
        return CALL(Reduce_scatter_block, Ireduce_scatter_block, c->send, c->in, c->count,
                    c->number, c->op, c->handle);
    default:
        return CALL(Reduce_scatter, Ireduce_scatter, c->send, c->in, c->a->in, c->number, c->op,
                    c->handle);
    }
}

static int moving_kinds(struct call *c)
{
    struct arrays *a = c->a;
    const void *gathered = c->in_place && c->me == c->root ? MPI_IN_PLACE : c->out;
    void *scattered = c->in_place && c->me == c->root ? MPI_IN_PLACE : c->in;

    switch (c->what) {
    case GATHER:
        return CALL(Gather, Igather, gathered, c->count, c->data, c->in, c->count, c->data, c->root,
                    c->handle);
    case SCATTER:
        return CALL(Scatter, Iscatter, c->out, c->count, c->data, scattered, c->count, c->data,
                    c->root, c->handle);
    case ALLGATHER:
        return CALL(Allgather, Iallgather, c->send, c->count, c->data, c->in, c->count, c->data,
                    c->handle);
    case ALLTOALL:
        return CALL(Alltoall, Ialltoall, c->send, c->count, c->data, c->in, c->count, c->data,
                    c->handle);
    case GATHERV:
        return CALL(Gatherv, Igatherv, gathered, a->out[c->me], c->data, c->in, a->in, a->in_at,
                    c->data, c->root, c->handle);
    case SCATTERV:
        return CALL(Scatterv, Iscatterv, c->out, a->out, a->out_at, c->data, scattered,
                    a->in[c->me], c->data, c->root, c->handle);
    case ALLGATHERV:
        return CALL(Allgatherv, Iallgatherv, c->send, a->out[c->me], c->data, c->in, a->in,
                    a->in_at, c->data, c->handle);
    case ALLTOALLV:
        return CALL(Alltoallv, Ialltoallv, c->out, a->out, a->out_at, c->data, c->in, a->in,
                    a->in_at, c->data, c->handle);
    default:
        return CALL(Alltoallw, Ialltoallw, c->out, a->out, a->out_at, a->types, c->in, a->in,
                    a->in_at, a->types, c->handle);
    }
}

static int neighbour_kinds(struct call *c)
{
    struct arrays *a = c->a;
    int i;

    for (i = 0; i < MOST_PARTS; i++) {
        a->out[i] = a->in[i] = c->count;
        a->out_at[i] = a->in_at[i] = c->count * (MOST_PARTS - 1 - i);
    }
    if (c->what == NEIGHBOR_ALLGATHER)
        return CALL(Neighbor_allgather, Ineighbor_allgather, c->out, c->count, c->data, c->in,
                    c->count, c->data, c->handle);
    if (c->what == NEIGHBOR_ALLTOALL)
        return CALL(Neighbor_alltoall, Ineighbor_alltoall, c->out, c->count, c->data, c->in,
                    c->count, c->data, c->handle);
    return CALL(Neighbor_alltoallv, Ineighbor_alltoallv, c->out, a->out, a->out_at, c->data, c->in,
                a->in, a->in_at, c->data, c->handle);
}

/* The root of a broadcast between two groups: rank ROOT of the first one. */
static int root_of(const struct call *c)
{
    const struct rn_comm *m = &rn_comms[c->comm];
    int i;

    if (m->remote == 0)
        return c->root;
    for (i = 0; i < m->size; i++)
        if (m->world[i] == qt_rank)
            return i == c->root ? MPI_ROOT : MPI_PROC_NULL;
    return c->root;
}

static void perform(struct call *c)
{
    int rc, root = root_of(c),
            sends = root == MPI_ROOT || (root == c->me && rn_comms[c->comm].remote == 0);

    if (c->what == BARRIER && c->kept)
        rc = MPIX_Barrier_init(c->handle, MPI_INFO_NULL, c->request);
    else if (c->what == BARRIER)
        rc = c->request != NULL ? MPI_Ibarrier(c->handle, c->request) : MPI_Barrier(c->handle);
    else if (c->what == BCAST)
        rc = CALL(Bcast, Ibcast, sends ? c->out : c->in, c->count, c->data, root, c->handle);
    else if (c->what >= NEIGHBOR_ALLGATHER)
        rc = neighbour_kinds(c);
    else if (c->what == ALLREDUCE || c->what == REDUCE ||
             (c->what >= SCAN && c->what <= REDUCE_SCATTER))
        rc = reduce_kinds(c);
    else
        rc = moving_kinds(c);
    QT_CHECK(rc == MPI_SUCCESS, "collective %d: error %d", (int)c->what, rc);
}

static int may_be_in_place(enum what what)
{
    return what == ALLREDUCE || what == REDUCE || what == SCAN || what == EXSCAN ||
           what == GATHER || what == SCATTER || what == GATHERV || what == SCATTERV ||
           what == ALLGATHER || what == ALLGATHERV || what == REDUCE_SCATTER_BLOCK ||
           what == REDUCE_SCATTER;
}

static int draw_call(struct call *c)
{
    const struct rn_comm *m;

    c->comm = rn_dice(3) ? rn_comm_draw_any() : rn_comm_draw(1);
    if (c->comm < 0)
        return 0;
    m = &rn_comms[c->comm];
    c->what = (enum what)rn_dice(m->remote > 0 ? ON_INTER : m->neighbours ? KINDS : PLAINS);
    c->root = rn_dice(m->size);
    c->type = rn_type_draw();
    c->count = rn_count_draw(c->type) / 4;
    c->in_place = m->remote == 0 && may_be_in_place(c->what) && rn_chance(30);
    c->event = rn_tag();
    draw_reduction(c);
    return 1;
}

static void play(struct call *c, int slot)
{
    const struct rn_comm *m = &rn_comms[c->comm];
    struct rn_slot *s = &rn_slots[qt_rank][slot < 0 ? 0 : slot];

    c->me = rn_comm_rank(c->comm, qt_rank);
    c->size = m->remote > m->size ? m->remote : m->size;
    c->handle = m->handle;
    c->data = rn_types[c->type].handle;
    c->a = rn_take(sizeof(*c->a));
    make_buffers(c);
    make_arrays(c);
    c->request = slot >= 0 ? &s->request : NULL;
    rn_trace("collective %d, event %d, comm %d, type %d, count %d, slot %d, in place %d",
             (int)c->what, c->event, c->comm, c->type, c->count, slot, c->in_place);
    perform(c);
    if (slot >= 0) {
        s->buffer = c->in;
        s->bytes = c->in_bytes;
        s->more = c->out;
        s->event = c->event;
        return;
    }
    rn_received(c->in, c->in_bytes, MPI_STATUS_IGNORE, -1, c->event);
    rn_give(c->a);
    rn_give(c->out);
    rn_give(c->in);
}

/* A slot of each member of COMM; all or none. */
static int take_slots(int comm, int slots[RANKS])
{
    int who, all = 1;

    for (who = 0; who < qt_size; who++) {
        slots[who] = rn_comm_has(comm, who) ? rn_slot_take(who, RN_COLLECTIVE, comm, 1) : -1;
        all &= slots[who] >= 0 || !rn_comm_has(comm, who);
    }
    for (who = 0; !all && who < qt_size; who++)
        if (slots[who] >= 0) {
            rn_slots[who][slots[who]].used = 0;
            slots[who] = -1;
        }
    return all;
}

void rn_collective(void)
{
    struct call c = {0};
    int slots[RANKS] = {-1, -1, -1, -1}, now = rn_dice(2);

    if (!draw_call(&c))
        return;
    if (now)
        take_slots(c.comm, slots);
    if (rn_comm_has(c.comm, qt_rank))
        play(&c, slots[qt_rank]);
}

/* ---- persistent ones ---- */

static void kept_make(struct kept *k)
{
    int who;

    memset(k, 0, sizeof(*k));
    if (!draw_call(&k->call) || !take_slots(k->call.comm, k->slots))
        return;
    k->used = k->call.kept = 1;
    for (who = 0; who < qt_size; who++)
        if (k->slots[who] >= 0) {
            rn_slots[who][k->slots[who]].persistent = 1;
            rn_slots[who][k->slots[who]].active = 0;
        }
    if (!rn_comm_has(k->call.comm, qt_rank))
        return;
    play(&k->call, k->slots[qt_rank]);
    rn_slots[qt_rank][k->slots[qt_rank]].event = 0;
}

static void kept_start(struct kept *k)
{
    struct call *c = &k->call;
    struct rn_slot *s = &rn_slots[qt_rank][k->slots[qt_rank] < 0 ? 0 : k->slots[qt_rank]];
    int who, event = rn_tag();

    for (who = 0; who < qt_size; who++)
        if (k->slots[who] >= 0)
            rn_slots[who][k->slots[who]].active = 1;
    if (!rn_comm_has(c->comm, qt_rank))
        return;
    s->event = event;
    rn_fill(c->out, c->out_bytes, rn_mix((uint64_t)event, (uint64_t)qt_rank));
    memset(c->in, 0xa5, c->in_bytes);
    if (c->in_place)
        memcpy(c->in, c->out, c->in_bytes);
    rn_trace("start collective %d, event %d", (int)c->what, event);
    if (event % 2)
        MPI_Start(&s->request);
    else
        MPI_Startall(1, &s->request);
}

static int kept_is_active(const struct kept *k)
{
    int who, active = 0;

    for (who = 0; who < qt_size; who++)
        active |= k->slots[who] >= 0 && rn_slots[who][k->slots[who]].active;
    return active;
}

static void kept_free(struct kept *k)
{
    int who;

    k->used = 0;
    for (who = 0; who < qt_size; who++)
        if (k->slots[who] >= 0)
            rn_slots[who][k->slots[who]].used = 0;
    if (!rn_comm_has(k->call.comm, qt_rank))
        return;
    MPI_Request_free(&rn_slots[qt_rank][k->slots[qt_rank]].request);
    rn_give(k->call.a);
    rn_give(k->call.out);
    rn_give(k->call.in);
}

void rn_persistent_collective(void)
{
    struct kept *k = &kept[rn_dice(KEPT)];

    if (!k->used)
        kept_make(k);
    else if (kept_is_active(k))
        rn_complete();
    else if (rn_chance(15))
        kept_free(k);
    else
        kept_start(k);
}

int rn_collectives_keep(int type)
{
    int i;

    for (i = 0; i < KEPT; i++)
        if (kept[i].used && kept[i].call.type == type)
            return 1;
    return 0;
}

void rn_collectives_begin(void)
{
    memset(kept, 0, sizeof(kept));
}

void rn_collectives_end(void)
{
    int i;

    for (i = 0; i < KEPT; i++)
        if (kept[i].used)
            kept_free(&kept[i]);
}
