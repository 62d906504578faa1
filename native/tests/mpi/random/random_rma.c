/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on windows. No two of an epoch touch the same memory unless their order does not matter, or is that of one
 * rank's atomic ones.
 */
#include "random.h"

enum what {
    PUT,
    GET,
    ACCUMULATE,
    GET_ACCUMULATE,
    WITH_REQUEST, /* the ones above may have one in passive epochs */
    FETCH = WITH_REQUEST,
    ADD_COMMON,
    STORE,
    FLUSH,
    OPERATIONS
};

struct operation {
    enum what what;
    struct rn_window *w;
    int origin, target, owner, cell, type, count, event, slot;
    MPI_Datatype number;
    MPI_Op op;
};

/* ---- the plan ---- */

/* From whom to whom in the open epoch. */
static int draw_ends(struct operation *o)
{
    const struct rn_window *w = o->w;
    int size = rn_comms[w->comm].size;

    o->origin = rn_dice(size);
    o->target = rn_dice(size);
    if (w->epoch == RN_LOCK)
        o->target = w->target[o->origin];
    if (w->epoch == RN_PAIRED) {
        while (!(w->origins >> o->origin & 1))
            o->origin = (o->origin + 1) % size;
        while (!(w->targets >> o->target & 1))
            o->target = (o->target + 1) % size;
    }
    return o->target >= 0;
}

static int is_passive(const struct rn_window *w)
{
    return w->epoch == RN_LOCK_ALL || w->epoch == RN_LOCK;
}

/* Whether the operation may touch its cell; the cell is then what it makes of it. */
static int claim(const struct operation *o)
{
    enum rn_cell *cell = &o->w->cells[o->target][o->owner][o->cell];
    int own = o->owner == o->origin;

    if (o->what == GET && (*cell == RN_FREE || *cell == RN_READ)) {
        *cell = RN_READ;
        return 1;
    }
    if (!own)
        return 0;
    if (*cell == RN_FREE || *cell == RN_OWNED) {
        *cell = o->what == ACCUMULATE || o->what == GET_ACCUMULATE ? RN_ADDED : RN_BUSY;
        return 1;
    }
    return *cell == RN_ADDED && (o->what == ACCUMULATE || o->what == GET_ACCUMULATE);
}

static void draw_data(struct operation *o)
{
    static const int sizes[] = {4, 8, 2};
    const MPI_Datatype numbers[] = {MPI_INT, MPI_UNSIGNED_LONG, MPI_SHORT};
    const MPI_Op ops[] = {MPI_SUM, MPI_BXOR, MPI_REPLACE, MPI_MAX};
    int most, i = rn_dice(3), numeric = o->what == ACCUMULATE || o->what == GET_ACCUMULATE;

    o->number = numbers[i];
    o->op = ops[rn_dice(4)];
    o->type = rn_type_draw();
    if (rn_type_bytes(o->type, 1) > CELL)
        o->type = 0;
    most = (int)((CELL - (MPI_Aint)rn_type_bytes(o->type, 1)) / rn_types[o->type].extent) + 1;
    if (numeric) /* of more than 4 KiB MPI_Get_accumulate of Open MPI 4.1 may fetch anything */
        most = CELL / 2 / sizes[i];
    o->count = 1 + rn_dice(rn_dice(3) ? (most < 8 ? most : 8) : most);
}

static int draw_operation(struct operation *o)
{
    memset(o, 0, sizeof(*o));
    o->w = &rn_windows[rn_window_draw(0)];
    o->what = (enum what)rn_dice(OPERATIONS);
    if (!draw_ends(o))
        return 0;
    o->owner = o->what == GET ? rn_dice(rn_comms[o->w->comm].size) : o->origin;
    o->cell = rn_dice(CELLS);
    o->event = rn_tag();
    o->slot = -1;
    draw_data(o);
    if (o->w->operations[o->origin] >= PENDING / 4 && o->what != FLUSH)
        return 0;
    if (o->what == STORE &&
        (o->w->flavour != RN_SHARED || (o->w->epoch != RN_FENCE && o->w->epoch != RN_LOCK_ALL)))
        return 0;
    if (o->what == FLUSH && !is_passive(o->w))
        return 0;
    return o->what == FETCH || o->what >= ADD_COMMON ? (o->what != STORE || claim(o)) : claim(o);
}

/* ---- what the origin does ---- */

static MPI_Aint place(const struct operation *o, size_t offset)
{
    const struct rn_window *w = o->w;

    return (MPI_Aint)offset / w->unit + (w->flavour == RN_DYNAMIC ? w->address[o->target] : 0);
}

static size_t cell_at(const struct operation *o)
{
    return (size_t)((o->owner * CELLS + o->cell) * CELL);
}

/* Until the operation is complete; NOTED: it is received. */
static void *keep(const struct operation *o, size_t bytes, int noted)
{
    void *buffer = rn_take(bytes);
    int i = o->w->pending_count;

    rn_fill(buffer, bytes, rn_mix((uint64_t)o->event, (uint64_t)(o->origin + 16 * noted)));
    if (o->slot >= 0)
        return buffer;
    o->w->pending[i].buffer = buffer;
    o->w->pending[i].bytes = bytes;
    o->w->pending[i].target = o->target;
    o->w->pending[i].noted = noted;
    o->w->pending[i].event = o->event + 1000000 * noted;
    o->w->pending_count++;
    return buffer;
}

static void move(const struct operation *o)
{
    size_t bytes = rn_type_bytes(o->type, o->count);
    MPI_Datatype type = rn_types[o->type].handle;
    void *buffer = keep(o, bytes, o->what == GET);
    MPI_Aint at = place(o, cell_at(o));
    struct rn_slot *s = &rn_slots[qt_rank][o->slot < 0 ? 0 : o->slot];
    MPI_Win win = o->w->handle;

    if (o->slot < 0 && o->what == PUT) {
        MPI_Put(buffer, o->count, type, o->target, at, o->count, type, win);
    } else if (o->slot < 0) {
        MPI_Get(buffer, o->count, type, o->target, at, o->count, type, win);
    } else {
        s->buffer = buffer;
        s->bytes = bytes;
        s->event = o->event;
        if (o->what == PUT)
            MPI_Rput(buffer, o->count, type, o->target, at, o->count, type, win, &s->request);
        else
            MPI_Rget(buffer, o->count, type, o->target, at, o->count, type, win, &s->request);
    }
}

static void add(const struct operation *o)
{
    size_t bytes = 8 * (size_t)o->count;
    void *buffer = keep(o, bytes, 0), *old = o->what == GET_ACCUMULATE ? keep(o, bytes, 1) : NULL;
    struct rn_slot *s = &rn_slots[qt_rank][o->slot < 0 ? 0 : o->slot];
    MPI_Aint at = place(o, cell_at(o));
    MPI_Win win = o->w->handle;

    if (o->slot < 0 && old == NULL) {
        MPI_Accumulate(buffer, o->count, o->number, o->target, at, o->count, o->number, o->op, win);
    } else if (o->slot < 0) {
        MPI_Get_accumulate(buffer, o->count, o->number, old, o->count, o->number, o->target, at,
                           o->count, o->number, o->op, win);
    } else {
        s->buffer = old != NULL ? old : buffer;
        s->more = old != NULL ? buffer : NULL;
        s->bytes = bytes;
        s->event = o->event;
        if (old == NULL)
            MPI_Raccumulate(buffer, o->count, o->number, o->target, at, o->count, o->number, o->op,
                            win, &s->request);
        else
            MPI_Rget_accumulate(buffer, o->count, o->number, old, o->count, o->number, o->target,
                                at, o->count, o->number, o->op, win, &s->request);
    }
}

/* MPI_Compare_and_swap is not among them: with it undisturbed runs crash in Open MPI 4.1. */
static void count(const struct operation *o)
{
    MPI_Aint at = place(o, COUNTERS_AT + 8 * (size_t)(o->what == ADD_COMMON ? COMMON : o->origin));
    long *value = keep(o, 8, 0);

    *value = o->event;
    if (o->what == ADD_COMMON)
        MPI_Accumulate(value, 1, MPI_LONG, o->target, at, 1, MPI_LONG, MPI_SUM, o->w->handle);
    else
        MPI_Fetch_and_op(value, keep(o, 8, 1), MPI_LONG, o->target, at, MPI_SUM, o->w->handle);
}

static void store(const struct operation *o)
{
    MPI_Aint bytes;
    char *memory;
    int unit;

    MPI_Win_shared_query(o->w->handle, o->target, &bytes, &unit, &memory);
    rn_fill(memory + cell_at(o), (size_t)o->count % CELL, (uint64_t)o->event);
}

/* Completes this rank's operations: on one target or all of them; on both sides, or only here. */
static void flush(const struct operation *o, int all, int local)
{
    struct rn_window *w = o->w;
    int target, i;

    if (o->origin == rn_comm_rank(w->comm, qt_rank)) {
        if (all && w->epoch == RN_LOCK_ALL)
            (local ? MPI_Win_flush_local_all : MPI_Win_flush_all)(w->handle);
        else
            (local ? MPI_Win_flush_local : MPI_Win_flush)(o->target, w->handle);
    }
    all = all || w->epoch == RN_LOCK; /* no other target is locked */
    rn_window_done(w, o->origin, all ? -1 : o->target);
    for (target = 0; !local && target < RANKS; target++)
        for (i = 0; (all || target == o->target) && i < CELLS; i++)
            if (w->cells[target][o->origin][i] >= RN_BUSY)
                w->cells[target][o->origin][i] = RN_OWNED;
}

static void perform(const struct operation *o)
{
    if (o->what == PUT || o->what == GET)
        move(o);
    else if (o->what < WITH_REQUEST)
        add(o);
    else if (o->what == STORE)
        store(o);
    else
        count(o);
}

static void operate(void)
{
    struct operation o;
    int who, all = rn_dice(2), local = rn_dice(3) == 0;

    if (!draw_operation(&o))
        return;
    who = rn_comms[o.w->comm].world[o.origin];
    rn_trace("operation %d, event %d, %d to %d, window %d", (int)o.what, o.event, o.origin,
             o.target, (int)(o.w - rn_windows));
    if (o.what == FLUSH) {
        flush(&o, all, local);
        return;
    }
    o.w->operations[o.origin]++;
    if (o.what < WITH_REQUEST && is_passive(o.w) && all) {
        int receives = o.what == GET || o.what == GET_ACCUMULATE;

        o.slot = rn_slot_take(who, receives ? RN_COLLECTIVE : RN_SEND, o.w->comm, 1);
        if (o.slot >= 0)
            rn_slots[who][o.slot].of = OF_WINDOW + (int)(o.w - rn_windows);
    }
    if (who == qt_rank)
        perform(&o);
}

void rn_operate(void)
{
    int times = 1 + rn_dice(4);

    while (times-- > 0 && rn_window_draw(0) >= 0)
        operate();
}
