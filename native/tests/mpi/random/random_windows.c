/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random windows of all flavours, and epochs of all kinds, which stay open while other events are played. When one is closed
 * every member's memory goes into its hash: what is in it then does not depend on the order of the operations.
 */
#include "random.h"

struct rn_window rn_windows[WINDOWS];

/* Of the calling rank in W's communicator; -1: it is not in it. */
static int rank_in(const struct rn_window *w)
{
    return rn_comm_rank(w->comm, qt_rank);
}

int rn_window_draw(int idle)
{
    int i = rn_dice(WINDOWS), tries;

    for (tries = 0; tries < WINDOWS; tries++, i = (i + 1) % WINDOWS)
        if (rn_windows[i].live && (rn_windows[i].epoch == RN_IDLE) == idle)
            return i;
    return -1;
}

int rn_windows_use(int comm)
{
    int i;

    for (i = 0; i < WINDOWS; i++)
        if (rn_windows[i].live && rn_windows[i].comm == comm)
            return 1;
    return 0;
}

/* ---- windows ---- */

/*
 * Without memory access by the transport Debian's Open MPI has windows of memory that it allocates itself only, and under
 * Quiesce, where messages stand in for that, none with several threads. The first so many flavours are possible.
 */
static int flavours(void)
{
    const char *transport = getenv("OMPI_MCA_btl");
    int level;

    if (transport == NULL || strstr(transport, "tcp") == NULL)
        return RN_FLAVOURS;
    MPI_Query_thread(&level);
    return level == MPI_THREAD_MULTIPLE ? 0 : RN_CREATED;
}

static void make(struct rn_window *w, MPI_Comm comm)
{
    MPI_Aint mine;

    switch (w->flavour) {
    case RN_SHARED:
        MPI_Win_allocate_shared(WINDOW_BYTES, w->unit, MPI_INFO_NULL, comm, &w->memory, &w->handle);
        break;
    case RN_ALLOCATED:
        MPI_Win_allocate(WINDOW_BYTES, w->unit, MPI_INFO_NULL, comm, &w->memory, &w->handle);
        break;
    case RN_CREATED:
        w->memory = rn_take(WINDOW_BYTES);
        MPI_Win_create(w->memory, WINDOW_BYTES, w->unit, MPI_INFO_NULL, comm, &w->handle);
        break;
    default:
        w->memory = rn_take(WINDOW_BYTES);
        MPI_Win_create_dynamic(MPI_INFO_NULL, comm, &w->handle);
        MPI_Win_attach(w->handle, w->memory, WINDOW_BYTES);
        MPI_Get_address(w->memory, &mine);
        MPI_Allgather(&mine, 1, MPI_AINT, w->address, 1, MPI_AINT, comm);
    }
    memset(w->memory, 0, WINDOW_BYTES);
    MPI_Barrier(comm);
}

void rn_window_make(void)
{
    int comm = rn_comm_draw(0), units[] = {1, 4, 8}, i;
    struct rn_window *w;

    for (i = 0; i < WINDOWS && rn_windows[i].live; i++)
        ;
    if (i == WINDOWS || comm < 0 || flavours() == 0)
        return;
    w = &rn_windows[i];
    memset(w, 0, sizeof(*w));
    w->live = 1;
    w->comm = comm;
    w->unit = units[rn_dice(3)];
    w->flavour = (enum rn_flavour)rn_dice(flavours());
    if (w->flavour == RN_DYNAMIC)
        w->unit = 1;
    rn_trace("window %d, flavour %d, comm %d", i, (int)w->flavour, comm);
    if (rank_in(w) >= 0)
        make(w, rn_comms[comm].handle);
}

static void destroy(struct rn_window *w)
{
    w->live = 0;
    if (rank_in(w) < 0)
        return;
    if (w->flavour == RN_DYNAMIC)
        MPI_Win_detach(w->handle, w->memory);
    MPI_Win_free(&w->handle);
    if (w->flavour >= RN_CREATED)
        rn_give(w->memory);
}

void rn_window_free(void)
{
    int i = rn_window_draw(1);

    if (i >= 0)
        destroy(&rn_windows[i]);
}

/* ---- epochs ---- */

void rn_window_done(struct rn_window *w, int origin, int target)
{
    int i, kept = 0;

    if (target < 0)
        w->operations[origin] = 0;
    if (origin != rank_in(w))
        return;
    for (i = 0; i < w->pending_count; i++) {
        if (target >= 0 && w->pending[i].target != target) {
            w->pending[kept++] = w->pending[i];
            continue;
        }
        if (w->pending[i].noted)
            rn_received(w->pending[i].buffer, w->pending[i].bytes, MPI_STATUS_IGNORE, -1,
                        w->pending[i].event);
        rn_give(w->pending[i].buffer);
    }
    w->pending_count = kept;
}

/* Who locks whom: alone, or with others. */
static void draw_locks(struct rn_window *w, int size)
{
    int wanted[RANKS] = {0}, i;

    for (i = 0; i < size; i++) {
        w->target[i] = rn_dice(size + 1) - 1;
        if (w->target[i] >= 0)
            wanted[w->target[i]]++;
    }
    for (i = 0; i < size; i++)
        w->exclusive[i] = rn_dice(2) && w->target[i] >= 0 && wanted[w->target[i]] == 1;
}

static MPI_Group group_of(const struct rn_window *w, int members)
{
    int ranks[RANKS], count = 0, i;
    MPI_Group all, some;

    for (i = 0; i < RANKS; i++)
        if (members >> i & 1)
            ranks[count++] = i;
    MPI_Win_get_group(w->handle, &all);
    MPI_Group_incl(all, count, ranks, &some);
    MPI_Group_free(&all);
    return some;
}

static void begin_paired(const struct rn_window *w, int me)
{
    MPI_Group group;

    if (w->targets >> me & 1) {
        group = group_of(w, w->origins);
        MPI_Win_post(group, 0, w->handle);
        MPI_Group_free(&group);
    }
    if (w->origins >> me & 1) {
        group = group_of(w, w->targets);
        MPI_Win_start(group, 0, w->handle);
        MPI_Group_free(&group);
    }
}

static void begin(struct rn_window *w)
{
    int size = rn_comms[w->comm].size, me = rank_in(w),
        assertion = rn_dice(2) ? MPI_MODE_NOPRECEDE : 0;

    w->epoch = (enum rn_epoch)(1 + rn_dice(RN_EPOCHS - 1));
    draw_locks(w, size);
    w->origins = 1 + rn_dice((1 << size) - 1);
    w->targets = 1 + rn_dice((1 << size) - 1);
    rn_trace("epoch %d of window %d", (int)w->epoch, (int)(w - rn_windows));
    if (me < 0)
        return;
    if (w->epoch == RN_FENCE)
        MPI_Win_fence(assertion, w->handle);
    else if (w->epoch == RN_LOCK_ALL)
        MPI_Win_lock_all(assertion ? MPI_MODE_NOCHECK : 0, w->handle);
    else if (w->epoch == RN_LOCK && w->target[me] >= 0)
        MPI_Win_lock(w->exclusive[me] ? MPI_LOCK_EXCLUSIVE : MPI_LOCK_SHARED, w->target[me], 0,
                     w->handle);
    else if (w->epoch == RN_PAIRED)
        begin_paired(w, me);
}

static void finish_paired(const struct rn_window *w, int me, int test)
{
    int over = 0, there;

    if (w->origins >> me & 1)
        MPI_Win_complete(w->handle);
    if (!(w->targets >> me & 1))
        return;
    if (!test)
        MPI_Win_wait(w->handle);
    while (test && !over) {
        MPI_Win_test(w->handle, &over);
        /* That alone lets no message of others make progress in Open MPI 4.1. */
        MPI_Iprobe(0, 0, MPI_COMM_SELF, &there, MPI_STATUS_IGNORE);
    }
}

static void finish_mine(const struct rn_window *w, int me, int how)
{
    if (w->epoch == RN_FENCE)
        MPI_Win_fence(MPI_MODE_NOSUCCEED, w->handle);
    if (w->epoch == RN_LOCK_ALL) {
        MPI_Win_sync(w->handle);
        MPI_Win_unlock_all(w->handle);
    }
    if (w->epoch == RN_LOCK && w->target[me] >= 0)
        MPI_Win_unlock(w->target[me], w->handle);
    if (w->epoch == RN_PAIRED)
        finish_paired(w, me, how);
}

/* What is in the memory of this rank; of a shared window, in that of the next one as well. */
static void note_memory(struct rn_window *w, int me, int event)
{
    int next = (me + 1) % rn_comms[w->comm].size, unit;
    MPI_Aint bytes;
    char *memory;

    rn_note(rn_mix(rn_digest(w->memory, WINDOW_BYTES), (uint64_t)event));
    if (w->flavour != RN_SHARED)
        return;
    MPI_Win_shared_query(w->handle, next, &bytes, &unit, &memory);
    QT_CHECK(bytes == WINDOW_BYTES && unit == w->unit, "%ld bytes shared, unit %d", (long)bytes,
             unit);
    rn_note(rn_mix(rn_digest(memory, WINDOW_BYTES), (uint64_t)event + 1000000));
}

static void finish(struct rn_window *w)
{
    int me = rank_in(w), how = rn_dice(2), event = rn_tag(), i;

    rn_complete_of(OF_WINDOW + (int)(w - rn_windows));
    rn_trace("end of epoch %d of window %d", (int)w->epoch, (int)(w - rn_windows));
    if (me >= 0)
        finish_mine(w, me, how);
    for (i = 0; i < rn_comms[w->comm].size; i++)
        rn_window_done(w, i, -1);
    memset(w->cells, 0, sizeof(w->cells));
    if (me >= 0) {
        MPI_Barrier(rn_comms[w->comm].handle);
        note_memory(w, me, event);
        MPI_Barrier(rn_comms[w->comm].handle);
    }
    w->epoch = RN_IDLE;
}

/* One fence ends an epoch and begins the next. */
static void fence_between(struct rn_window *w)
{
    int i;

    if (rank_in(w) >= 0)
        MPI_Win_fence(0, w->handle);
    for (i = 0; i < rn_comms[w->comm].size; i++)
        rn_window_done(w, i, -1);
    memset(w->cells, 0, sizeof(w->cells));
}

void rn_epoch(void)
{
    int i = rn_window_draw(rn_dice(2));
    struct rn_window *w = &rn_windows[i < 0 ? 0 : i];

    if (i < 0)
        return;
    if (w->epoch == RN_IDLE)
        begin(w);
    else if (w->epoch == RN_FENCE && rn_dice(2))
        fence_between(w);
    else
        finish(w);
}

/* All members count up one number, each alone with it: not one may be lost. */
static void count_up(struct rn_window *w, int target, int steps)
{
    MPI_Aint at =
        (COUNTERS_AT + 8 * COMMON) / w->unit + (w->flavour == RN_DYNAMIC ? w->address[target] : 0);
    long seen;

    while (steps-- > 0) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, target, 0, w->handle);
        MPI_Get(&seen, 1, MPI_LONG, target, at, 1, MPI_LONG, w->handle);
        MPI_Win_flush(target, w->handle);
        seen++;
        MPI_Put(&seen, 1, MPI_LONG, target, at, 1, MPI_LONG, w->handle);
        MPI_Win_unlock(target, w->handle);
    }
}

void rn_count_up(void)
{
    int i = rn_window_draw(1), steps = 1 + rn_dice(6), event = rn_tag(), target;
    struct rn_window *w = &rn_windows[i < 0 ? 0 : i];

    if (i < 0)
        return;
    target = rn_dice(rn_comms[w->comm].size);
    if (rank_in(w) < 0)
        return;
    count_up(w, target, steps);
    MPI_Barrier(rn_comms[w->comm].handle);
    note_memory(w, rank_in(w), event);
    MPI_Barrier(rn_comms[w->comm].handle);
}

void rn_windows_begin(void)
{
    int i;

    memset(rn_windows, 0, sizeof(rn_windows));
    for (i = rn_dice(3); i > 0 && !rn_without("window_make"); i--)
        rn_window_make();
}

void rn_windows_end(void)
{
    int i;

    for (i = 0; i < WINDOWS; i++) {
        if (rn_windows[i].live && rn_windows[i].epoch != RN_IDLE)
            finish(&rn_windows[i]);
        if (rn_windows[i].live)
            destroy(&rn_windows[i]);
    }
}
