/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random completion of requests, persistent requests, and receives that are cancelled. */
#include "random.h"

enum { PAIRS = 6 };
enum how_complete {
    WAIT,
    WAITALL,
    TEST,
    TESTALL,
    WAITANY,
    WAITSOME,
    TESTANY,
    TESTSOME,
    GET_STATUS,
    HOWS
};

/* A persistent send and its receive. */
struct pair {
    int used, src, dst, from, to, comm, tag, type, count; /* from, to: slots */
};

struct rn_slot rn_slots[RANKS][SLOTS];
static struct pair pairs[PAIRS];
static int serials;

void rn_requests_begin(void)
{
    int i, j;

    memset(rn_slots, 0, sizeof(rn_slots));
    memset(pairs, 0, sizeof(pairs));
    serials = 0;
    for (i = 0; i < RANKS; i++)
        for (j = 0; j < SLOTS; j++)
            rn_slots[i][j].request = MPI_REQUEST_NULL;
}

int rn_slot_take(int who, int kind, int comm, int ready)
{
    int i;

    for (i = 0; i < SLOTS; i++) {
        struct rn_slot *s = &rn_slots[who][i];

        if (s->used)
            continue;
        memset(s, 0, sizeof(*s));
        s->used = s->active = 1;
        s->kind = kind;
        s->comm = comm;
        s->ready = ready;
        s->request = MPI_REQUEST_NULL;
        s->serial = ++serials;
        return i;
    }
    return -1;
}

int rn_slot_holds(int who, int slot, int serial)
{
    return slot >= 0 && rn_slots[who][slot].used && rn_slots[who][slot].serial == serial;
}

int rn_comm_is_busy(int comm)
{
    int i, j;

    if (rn_windows_use(comm) || rn_files_use(comm))
        return 1;
    for (i = 0; i < OPEN; i++)
        if (rn_open[i].used && rn_open[i].comm == comm)
            return 1;
    for (i = 0; i < RANKS; i++)
        for (j = 0; j < SLOTS; j++)
            if (rn_slots[i][j].used && rn_slots[i][j].comm == comm)
                return 1;
    return 0;
}

void rn_received(const void *buffer, size_t bytes, MPI_Status *status, int base, int event)
{
    uint64_t hash = rn_mix(rn_digest(buffer, bytes), (uint64_t)event);
    MPI_Datatype type = base < 0 ? MPI_BYTE : rn_types[base].handle;
    int count, elements, cancelled;

    if (status != MPI_STATUS_IGNORE) {
        MPI_Get_count(status, type, &count);
        MPI_Get_elements(status, type, &elements);
        MPI_Test_cancelled(status, &cancelled);
        hash = rn_mix(hash, (uint64_t)(unsigned)count << 32 | (unsigned)elements);
        hash =
            rn_mix(hash, (uint64_t)(unsigned)status->MPI_SOURCE << 32 | (unsigned)status->MPI_TAG);
        hash = rn_mix(hash, (uint64_t)cancelled);
    }
    rn_note(hash);
}

/* ---- completion ---- */

/* S has completed on this rank; of a persistent one the request is inactive now, of another it is null. */
static void completed(struct rn_slot *s, MPI_Status *status)
{
    rn_trace("complete: kind %d of event %d", s->kind, s->event);
    if (s->kind == RN_RECEIVE)
        rn_received(s->buffer, s->bytes, status, s->base, s->event);
    else if (s->kind == RN_COLLECTIVE)
        rn_received(s->buffer, s->bytes, MPI_STATUS_IGNORE, -1, s->event);
    if (s->persistent) {
        s->event = 0;
        return;
    }
    rn_give(s->buffer);
    rn_give(s->more);
    s->buffer = s->more = NULL;
}

static void check_idle(const MPI_Status *status)
{
    QT_CHECK(status->MPI_SOURCE == MPI_ANY_SOURCE && status->MPI_TAG == MPI_ANY_TAG,
             "an idle request has source %d, tag %d", status->MPI_SOURCE, status->MPI_TAG);
}

/* Not yet known on this rank to be complete. */
static int is_running(const struct rn_slot *s)
{
    return s->request != MPI_REQUEST_NULL && (!s->persistent || s->event != 0);
}

static void complete_one(struct rn_slot *s, int test)
{
    int running = is_running(s), done = 0;
    MPI_Status status;

    if (!test)
        MPI_Wait(&s->request, &status);
    while (test && !done)
        MPI_Test(&s->request, &done, &status);
    if (running)
        completed(s, &status);
    else
        check_idle(&status);
}

static void complete_list(struct rn_slot *list[], int count, int test)
{
    MPI_Request requests[SLOTS];
    MPI_Status statuses[SLOTS];
    int running[SLOTS], i, done = 0;

    for (i = 0; i < count; i++) {
        requests[i] = list[i]->request;
        running[i] = is_running(list[i]);
    }
    if (!test)
        MPI_Waitall(count, requests, statuses);
    while (test && !done)
        MPI_Testall(count, requests, &done, statuses);
    for (i = 0; i < count; i++) {
        list[i]->request = requests[i];
        if (running[i])
            completed(list[i], &statuses[i]);
        else
            check_idle(&statuses[i]);
    }
}

static void complete_any(struct rn_slot *list[], int count, int test)
{
    MPI_Request requests[SLOTS];
    MPI_Status status;
    int i, done = 1, index = MPI_UNDEFINED;

    for (i = 0; i < count; i++)
        requests[i] = list[i]->request;
    if (test)
        MPI_Testany(count, requests, &index, &done, &status);
    else
        MPI_Waitany(count, requests, &index, &status);
    if (!done || index == MPI_UNDEFINED)
        return;
    list[index]->request = requests[index];
    completed(list[index], &status);
}

static void complete_some(struct rn_slot *list[], int count, int test)
{
    MPI_Request requests[SLOTS];
    MPI_Status statuses[SLOTS];
    int i, done[SLOTS], found;

    for (i = 0; i < count; i++)
        requests[i] = list[i]->request;
    if (test)
        MPI_Testsome(count, requests, &found, done, statuses);
    else
        MPI_Waitsome(count, requests, &found, done, statuses);
    for (i = 0; found != MPI_UNDEFINED && i < found; i++) {
        list[done[i]]->request = requests[done[i]];
        completed(list[done[i]], &statuses[i]);
    }
}

static void look_at(struct rn_slot *list[], int count)
{
    MPI_Status status;
    int i, done;

    for (i = 0; i < count; i++) {
        MPI_Request_get_status(list[i]->request, &done, &status);
        if (done && !is_running(list[i]))
            check_idle(&status);
    }
}

/* Those of LIST that will complete without this rank come first; only they, if none of them is running. */
static int sort_ready(struct rn_slot *list[], int count)
{
    int i, ready = 0, running = 0;

    for (i = 0; i < count; i++)
        if (list[i]->ready) {
            struct rn_slot *s = list[i];

            list[i] = list[ready];
            list[ready++] = s;
            running += is_running(s);
        }
    return running > 0 ? count : ready;
}

static void play(enum how_complete how, struct rn_slot *list[], int count)
{
    int i;

    if (how == WAIT || how == TEST) {
        for (i = 0; i < count; i++)
            complete_one(list[i], how == TEST);
    } else if (how == WAITALL || how == TESTALL) {
        complete_list(list, count, how == TESTALL);
    } else if (how == WAITANY || how == WAITSOME) {
        count = sort_ready(list, count);
        (how == WAITANY ? complete_any : complete_some)(list, count, 0);
    } else if (how == GET_STATUS) {
        look_at(list, count);
    } else {
        (how == TESTANY ? complete_any : complete_some)(list, count, 1);
    }
}

/* OF: of which window or file; 0: whatever there is. */
static void complete(int who, enum how_complete how, int percent, int of)
{
    struct rn_slot *list[SLOTS];
    int i, count = 0, at = rn_dice(SLOTS);

    for (i = 0; i < SLOTS; i++) {
        struct rn_slot *s = &rn_slots[who][(at + i) % SLOTS];

        if (s->used && s->active && (of == 0 || s->of == of) && (s->ready || how >= WAITANY) &&
            rn_chance(percent))
            list[count++] = s;
    }
    if (who == qt_rank && count > 0)
        play(how, list, count);
    for (i = 0; how < WAITANY && i < count; i++) {
        list[i]->active = 0;
        list[i]->used = list[i]->persistent;
    }
}

void rn_complete(void)
{
    int who = rn_dice(qt_size);

    complete(who, (enum how_complete)rn_dice(HOWS), 20 + rn_dice(80), 0);
}

void rn_complete_of(int of)
{
    int who;

    for (who = 0; who < qt_size; who++)
        complete(who, rn_dice(2) ? WAITALL : TESTALL, 100, of);
}

/* ---- persistent requests ---- */

static void pair_make(struct pair *p)
{
    static int (*const inits[])(const void *, int, MPI_Datatype, int, int, MPI_Comm,
                                MPI_Request *) = {MPI_Send_init, MPI_Ssend_init, MPI_Send_init};
    const struct rn_comm *c;
    struct rn_slot *s;
    int how = rn_dice(3), a, b;

    p->comm = rn_comm_draw(0);
    if (p->comm < 0)
        return;
    c = &rn_comms[p->comm];
    a = rn_dice(c->size);
    b = (a + 1 + rn_dice(c->size - 1)) % c->size;
    p->src = c->world[a];
    p->dst = c->world[b];
    p->type = rn_type_draw();
    p->count = rn_count_draw(p->type);
    p->tag = rn_tag();
    p->from = rn_slot_take(p->src, RN_SEND, p->comm, 1);
    p->to = rn_slot_take(p->dst, RN_RECEIVE, p->comm, 1);
    if (p->from < 0 || p->to < 0) {
        rn_slots[p->src][p->from < 0 ? 0 : p->from].used &= p->from < 0;
        rn_slots[p->dst][p->to < 0 ? 0 : p->to].used &= p->to < 0;
        return;
    }
    p->used = 1;
    for (s = &rn_slots[p->src][p->from];; s = &rn_slots[p->dst][p->to]) {
        s->persistent = 1;
        s->active = 0;
        s->base = rn_types[p->type].base;
        s->bytes = rn_type_bytes(p->type, p->count);
        if (s->kind == RN_RECEIVE)
            break;
    }
    s = &rn_slots[qt_rank][qt_rank == p->src ? p->from : p->to];
    if (qt_rank != p->src && qt_rank != p->dst)
        return;
    s->buffer = rn_take(s->bytes);
    if (qt_rank == p->src)
        inits[how](s->buffer, p->count, rn_types[p->type].handle, b, p->tag, c->handle,
                   &s->request);
    else
        MPI_Recv_init(s->buffer, p->count, rn_types[p->type].handle, a, p->tag, c->handle,
                      &s->request);
}

static void pair_start(struct pair *p)
{
    struct rn_slot *from = &rn_slots[p->src][p->from], *to = &rn_slots[p->dst][p->to];
    int event = rn_tag();

    from->active = to->active = 1;
    if (qt_rank == p->dst) {
        memset(to->buffer, 0x5a, to->bytes);
        to->event = event;
        MPI_Start(&to->request);
    }
    if (qt_rank == p->src) {
        rn_fill(from->buffer, from->bytes, (uint64_t)event);
        from->event = event;
        MPI_Startall(1, &from->request);
    }
}

static void slot_end(struct rn_slot *s, int mine)
{
    s->used = 0;
    if (!mine)
        return;
    MPI_Request_free(&s->request);
    rn_give(s->buffer);
}

static void pair_free(struct pair *p)
{
    p->used = 0;
    slot_end(&rn_slots[p->src][p->from], qt_rank == p->src);
    slot_end(&rn_slots[p->dst][p->to], qt_rank == p->dst);
}

static int pair_is_active(const struct pair *p)
{
    return rn_slots[p->src][p->from].active || rn_slots[p->dst][p->to].active;
}

void rn_persistent(void)
{
    struct pair *p = &pairs[rn_dice(PAIRS)];

    if (!p->used)
        pair_make(p);
    else if (pair_is_active(p))
        complete(rn_dice(2) ? p->src : p->dst, WAITALL, 100, 0);
    else if (rn_chance(15))
        pair_free(p);
    else
        pair_start(p);
}

void rn_complete_all(void)
{
    int who, i;

    for (who = 0; who < qt_size; who++)
        complete(who, rn_dice(2) ? WAITALL : TESTALL, 100, 0);
    for (i = 0; i < PAIRS; i++)
        if (pairs[i].used)
            pair_free(&pairs[i]);
}

/* A receive for which nothing comes. */
void rn_cancel(void)
{
    int comm = rn_comm_draw(0), who = rn_dice(qt_size), tag = rn_tag(), data = 0,
        persistent = rn_dice(2);
    MPI_Comm handle = comm < 0 ? MPI_COMM_NULL : rn_comms[comm].handle;
    MPI_Request request;
    MPI_Status status;

    if (comm < 0 || who != qt_rank || !rn_comm_has(comm, who))
        return;
    if (persistent) {
        MPI_Recv_init(&data, 1, MPI_INT, MPI_ANY_SOURCE, tag, handle, &request);
        MPI_Start(&request);
    } else {
        MPI_Irecv(&data, 1, MPI_INT, MPI_ANY_SOURCE, tag, handle, &request);
    }
    MPI_Cancel(&request);
    MPI_Wait(&request, &status);
    rn_received(&data, sizeof(data), &status, 0, tag);
    if (persistent)
        MPI_Request_free(&request);
}
