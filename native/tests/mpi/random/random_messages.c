/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random messages: all modes of sending and ways of receiving, both halves at once or one much later than the other. */
#include "random.h"

enum how_send {
    STANDARD,
    SYNCHRONOUS,
    BUFFERED,
    NOW_STANDARD,
    NOW_SYNCHRONOUS,
    NOW_BUFFERED,
    FORGOTTEN,
    SENDS
};
enum how_receive { BLOCKING, NOW, PROBED, POLLED, MATCHED, MATCHED_NOW, RECEIVES };

struct rn_message rn_open[OPEN];
static int next_tag;
static size_t buffered; /* bytes sent with MPI_Bsend in this program, by anybody */

void rn_messages_begin(void)
{
    memset(rn_open, 0, sizeof(rn_open));
    next_tag = 0;
    buffered = 0;
}

/* One that no other message of this program has. */
int rn_tag(void)
{
    return ++next_tag;
}

static uint64_t salt_of(const struct rn_message *m)
{
    return rn_mix((uint64_t)m->tag, (uint64_t)(m->src * RANKS + m->dst));
}

/* ---- halves ---- */

static int may_buffer(const struct rn_message *m)
{
    size_t bytes = rn_type_bytes(m->type, m->count) + MPI_BSEND_OVERHEAD + 64;

    if (buffered + bytes > BSEND_ROOM / 2)
        return 0;
    buffered += bytes;
    return 1;
}

/* How a message may be sent whose receive comes later (LATE) or now. */
static enum how_send draw_send(const struct rn_message *m, int late, int *ret_slot)
{
    enum how_send how = (enum how_send)rn_dice(SENDS);

    if (late && how < BUFFERED)
        how += NOW_STANDARD;
    *ret_slot = -1;
    if (how >= NOW_STANDARD && how != FORGOTTEN) {
        *ret_slot = rn_slot_take(m->src, RN_SEND, m->comm, !late);
        if (*ret_slot < 0)
            how = FORGOTTEN;
    }
    if ((how == BUFFERED || how == NOW_BUFFERED) && !may_buffer(m))
        how = how == BUFFERED ? FORGOTTEN : NOW_STANDARD;
    return how;
}

static void send_half(const struct rn_message *m, enum how_send how, int slot)
{
    static int (*const wait[])(const void *, int, MPI_Datatype, int, int,
                               MPI_Comm) = {MPI_Send, MPI_Ssend, MPI_Bsend};
    static int (*const now[])(const void *, int, MPI_Datatype, int, int, MPI_Comm,
                              MPI_Request *) = {MPI_Isend, MPI_Issend, MPI_Ibsend, MPI_Isend};
    size_t bytes = rn_type_bytes(m->type, m->count);
    MPI_Datatype type = rn_types[m->type].handle;
    MPI_Comm comm = rn_comms[m->comm].handle;
    int to = rn_comm_rank(m->comm, m->dst);
    MPI_Request request;
    void *buffer;

    if (m->src != qt_rank)
        return;
    rn_trace("send tag %d %d->%d how %d slot %d bytes %zu type %d comm %d", m->tag, m->src, m->dst,
             how, slot, bytes, m->type, m->comm);
    buffer = rn_take(bytes);
    rn_fill(buffer, bytes, salt_of(m));
    if (how < NOW_STANDARD) {
        wait[how](buffer, m->count, type, to, m->tag, comm);
        rn_give(buffer);
        return;
    }
    now[how - NOW_STANDARD](buffer, m->count, type, to, m->tag, comm, &request);
    if (slot < 0) {
        MPI_Request_free(&request);
        return;
    }
    rn_slots[qt_rank][slot].request = request;
    rn_slots[qt_rank][slot].buffer = buffer;
}

static void probe(const struct rn_message *m, enum how_receive how, MPI_Message *message)
{
    int from = rn_comm_rank(m->comm, m->src), there = 0, count;
    MPI_Comm comm = rn_comms[m->comm].handle;
    MPI_Status status;

    if (how == PROBED) {
        MPI_Probe(from, m->tag, comm, &status);
    } else if (how == POLLED) {
        while (!there)
            MPI_Iprobe(from, m->tag, comm, &there, &status);
    } else if (rn_own_dice(2)) {
        MPI_Mprobe(from, m->tag, comm, message, &status);
    } else {
        while (!there)
            MPI_Improbe(from, m->tag, comm, &there, message, &status);
    }
    MPI_Get_count(&status, MPI_BYTE, &count);
    QT_CHECK(status.MPI_SOURCE == from && status.MPI_TAG == m->tag, "probed source %d, tag %d",
             status.MPI_SOURCE, status.MPI_TAG);
    rn_note(rn_mix((uint64_t)count, (uint64_t)m->tag));
}

static void receive_now(const struct rn_message *m, int slot, MPI_Message *message)
{
    struct rn_slot *s = &rn_slots[qt_rank][slot];
    MPI_Datatype type = rn_types[m->like].handle;

    s->bytes = rn_type_bytes(m->like, m->room);
    s->buffer = rn_take(s->bytes);
    s->base = rn_types[m->like].base;
    s->event = m->tag;
    if (*message != MPI_MESSAGE_NULL)
        MPI_Imrecv(s->buffer, m->room, type, message, &s->request);
    else
        MPI_Irecv(s->buffer, m->room, type, rn_comm_rank(m->comm, m->src), m->tag,
                  rn_comms[m->comm].handle, &s->request);
}

static void receive_half(const struct rn_message *m, enum how_receive how, int slot, int ignore)
{
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status, *wanted = ignore ? MPI_STATUS_IGNORE : &status;
    MPI_Datatype type = rn_types[m->like].handle;
    size_t bytes = rn_type_bytes(m->like, m->room);
    void *buffer;

    if (m->dst != qt_rank)
        return;
    rn_trace("receive tag %d %d->%d how %d slot %d bytes %zu type %d comm %d", m->tag, m->src,
             m->dst, how, slot, bytes, m->like, m->comm);
    if (how >= PROBED)
        probe(m, how, &message);
    if (slot >= 0) {
        receive_now(m, slot, &message);
        return;
    }
    buffer = rn_take(bytes);
    if (message != MPI_MESSAGE_NULL)
        MPI_Mrecv(buffer, m->room, type, &message, wanted);
    else
        MPI_Recv(buffer, m->room, type, rn_comm_rank(m->comm, m->src), m->tag,
                 rn_comms[m->comm].handle, wanted);
    rn_received(buffer, bytes, wanted, rn_types[m->like].base, m->tag);
    rn_give(buffer);
}

/* ---- events ---- */

/* Between two members of a communicator, or one and itself. */
static int draw_message(struct rn_message *m)
{
    const struct rn_comm *c;
    int a, b;

    memset(m, 0, sizeof(*m));
    m->comm = rn_comm_draw_any();
    if (m->comm < 0)
        return 0;
    c = &rn_comms[m->comm];
    a = rn_dice(c->size);
    b = rn_chance(90) && c->remote == 0 ? (a + 1 + rn_dice(c->size - 1)) % c->size : a;
    m->src = c->world[a];
    m->dst = c->remote > 0 ? c->far[rn_dice(c->remote)] : c->world[b];
    if (c->remote > 0 && rn_dice(2)) {
        int swap = m->src;

        m->src = m->dst;
        m->dst = swap;
    }
    m->tag = rn_tag();
    m->type = m->like = rn_type_draw();
    m->count = m->room = rn_count_draw(m->type);
    if (rn_chance(30))
        m->like = rn_type_draw_like(m->type, &m->room);
    m->used = 1;
    return 1;
}

static enum how_receive draw_receive(const struct rn_message *m, int posted_first, int *ret_slot)
{
    enum how_receive how = (enum how_receive)rn_dice(RECEIVES);

    if (posted_first)
        how = NOW;
    *ret_slot = -1;
    if (how == NOW || how == MATCHED_NOW) {
        *ret_slot = rn_slot_take(m->dst, RN_RECEIVE, m->comm, !posted_first);
        if (*ret_slot < 0)
            how--;
    }
    return how;
}

static void play_receive(const struct rn_message *m)
{
    int slot, ignore = rn_chance(20);
    enum how_receive how = draw_receive(m, 0, &slot);

    receive_half(m, how, slot, ignore);
}

static void play_send(const struct rn_message *m)
{
    int slot;
    enum how_send how = draw_send(m, 0, &slot);

    send_half(m, how, slot);
}

/* Plays the half that is missing. */
static void close_one(struct rn_message *m)
{
    m->used = 0;
    if (m->posted) {
        play_send(m);
        rn_slots[m->dst][m->slot].ready = 1;
    } else {
        play_receive(m);
        if (m->slot >= 0)
            rn_slots[m->src][m->slot].ready = 1;
    }
}

/* Plays one half of M and leaves the other for later. Returns 0 if there is no room for that. */
static int play_half(struct rn_message *m)
{
    int i;

    for (i = 0; i < OPEN && rn_open[i].used; i++)
        ;
    if (i == OPEN)
        return 0;
    m->posted = rn_dice(2);
    if (m->posted) {
        draw_receive(m, 1, &m->slot);
        if (m->slot < 0)
            return 0;
        receive_half(m, NOW, m->slot, 0);
    } else {
        enum how_send how = draw_send(m, 1, &m->slot);

        send_half(m, how, m->slot);
    }
    rn_open[i] = *m;
    return 1;
}

void rn_message(void)
{
    struct rn_message m;

    if (!draw_message(&m) || (rn_chance(50) && play_half(&m)))
        return;
    if (m.src == m.dst || rn_dice(2)) {
        /* The receive first, and not one that waits. */
        int slot;

        draw_receive(&m, 1, &slot);
        if (slot < 0)
            return;
        receive_half(&m, NOW, slot, 0);
        rn_slots[m.dst][slot].ready = 1;
        play_send(&m);
    } else {
        play_send(&m);
        play_receive(&m);
    }
}

void rn_open_one(void)
{
    int i = rn_dice(OPEN), tries;

    for (tries = 0; tries < OPEN; tries++, i = (i + 1) % OPEN)
        if (rn_open[i].used) {
            close_one(&rn_open[i]);
            return;
        }
}

void rn_open_all(void)
{
    int i;

    for (i = 0; i < OPEN; i++)
        if (rn_open[i].used)
            close_one(&rn_open[i]);
}

static void shift_one(int comm, int type, int count, int by, int tag, int replace)
{
    const struct rn_comm *c = &rn_comms[comm];
    int me = rn_comm_rank(comm, qt_rank), to = (me + by) % c->size,
        from = (me + c->size - by) % c->size;
    size_t bytes = rn_type_bytes(type, count);
    void *out = rn_take(bytes), *in = replace ? out : rn_take(bytes);
    MPI_Datatype handle = rn_types[type].handle;
    MPI_Status status;

    if (by == 0 && tag % 2)
        to = from = MPI_PROC_NULL;
    rn_fill(out, bytes, rn_mix((uint64_t)tag, (uint64_t)qt_rank));
    if (replace)
        MPI_Sendrecv_replace(out, count, handle, to, tag, from, tag, c->handle, &status);
    else
        MPI_Sendrecv(out, count, handle, to, tag, in, count, handle, from, tag, c->handle, &status);
    rn_received(in, bytes, &status, rn_types[type].base, tag);
    rn_give(out);
    if (!replace)
        rn_give(in);
}

/* Everybody sends to a neighbour and receives from the other one. */
void rn_shift(void)
{
    int comm = rn_comm_draw(0), type = rn_type_draw(), count = rn_count_draw(type),
        replace = rn_dice(2);
    int tag = rn_tag(), by = comm < 0 ? 0 : rn_dice(rn_comms[comm].size);

    if (comm >= 0 && rn_comm_has(comm, qt_rank))
        shift_one(comm, type, count, by, tag, replace);
}

/* ---- receives with wildcards ---- */

struct wild {
    int comm, root, each, any_tag, tag, how;
};

/* One message with a number in it; its sum of hashes tells whether all have come, and those of a sender in order. */
static void wild_take(const struct wild *w, int last[])
{
    int tag = w->any_tag ? MPI_ANY_TAG : w->tag, data[2] = {-1, -1}, source = MPI_ANY_SOURCE;
    MPI_Comm comm = rn_comms[w->comm].handle;
    MPI_Message message;
    MPI_Status status;

    if (w->how == 1) {
        MPI_Probe(source, tag, comm, &status);
        source = status.MPI_SOURCE;
        tag = status.MPI_TAG;
    }
    if (w->how == 2) {
        MPI_Mprobe(source, tag, comm, &message, MPI_STATUS_IGNORE);
        MPI_Mrecv(data, 2, MPI_INT, &message, &status);
    } else {
        MPI_Recv(data, 2, MPI_INT, source, tag, comm, &status);
    }
    QT_CHECK(data[0] == status.MPI_SOURCE && data[1] == ++last[status.MPI_SOURCE],
             "message %d of %d overtook: %d", data[1], status.MPI_SOURCE, last[status.MPI_SOURCE]);
    rn_received(data, sizeof(data), &status, 0, w->tag);
}

/* The same with requests that are posted all at once. */
static void wild_take_posted(const struct wild *w, int total)
{
    int tag = w->any_tag ? MPI_ANY_TAG : w->tag, left = total, count, i, data[2 * 3 * RANKS],
        done[3 * RANKS];
    MPI_Request requests[3 * RANKS];
    MPI_Status statuses[3 * RANKS];

    for (i = 0; i < total; i++)
        MPI_Irecv(&data[2 * i], 2, MPI_INT, MPI_ANY_SOURCE, tag, rn_comms[w->comm].handle,
                  &requests[i]);
    while (left > 0) {
        if (w->how == 4)
            MPI_Waitsome(total, requests, &count, done, statuses);
        else
            MPI_Testsome(total, requests, &count, done, statuses);
        for (i = 0; i < count; i++)
            rn_received(&data[2 * done[i]], 2 * sizeof(int), &statuses[i], 0, w->tag);
        left -= count;
    }
}

/* All others send to one, who does not say from whom it receives, or with which tag. */
void rn_wild(void)
{
    struct wild w = {.any_tag = rn_dice(2)};
    int me, last[RANKS] = {0}, total, i;

    w.comm = rn_comm_draw(w.any_tag);
    if (w.comm < 0)
        return;
    w.root = rn_dice(rn_comms[w.comm].size);
    w.each = 1 + rn_dice(3);
    w.tag = rn_tag();
    w.how = rn_dice(6);
    me = rn_comm_rank(w.comm, qt_rank);
    total = w.each * (rn_comms[w.comm].size - 1);
    if (me < 0)
        return;
    for (i = 0; me != w.root && i < w.each; i++)
        MPI_Send((int[]){me, i + 1}, 2, MPI_INT, w.root, w.any_tag ? w.tag + i % 2 : w.tag,
                 rn_comms[w.comm].handle);
    if (me == w.root && w.how >= 4)
        wild_take_posted(&w, total);
    for (i = 0; me == w.root && w.how < 4 && i < total; i++)
        wild_take(&w, last);
    if (w.any_tag) /* nobody may send the next ones before all of these are received */
        MPI_Barrier(rn_comms[w.comm].handle);
}

/* Several messages with one tag: they are received in the order in which they were sent. */
void rn_burst(void)
{
    int comm = rn_comm_draw(0), count = 2 + rn_dice(6), tag = rn_tag(), to, i, probed = rn_dice(2);
    int from = comm < 0 ? 0 : rn_dice(rn_comms[comm].size), in[4096], size = rn_dice(2) ? 1 : 4096;
    MPI_Request requests[8];
    MPI_Status status;

    if (comm < 0)
        return;
    to = (from + 1) % rn_comms[comm].size;
    if (rn_comm_rank(comm, qt_rank) == from) {
        int *data = rn_take(8 * sizeof(in));

        for (i = 0; i < count; i++) {
            rn_fill(data + i * 4096, sizeof(in), (uint64_t)(tag * 8 + i));
            MPI_Isend(data + i * 4096, i % 2 ? size : 1, MPI_INT, to, tag, rn_comms[comm].handle,
                      &requests[i]);
        }
        MPI_Waitall(count, requests, MPI_STATUSES_IGNORE);
        rn_give(data);
    }
    for (i = 0; rn_comm_rank(comm, qt_rank) == to && i < count; i++) {
        if (probed)
            MPI_Probe(from, tag, rn_comms[comm].handle, &status);
        memset(in, 0, sizeof(in));
        MPI_Recv(in, 4096, MPI_INT, from, tag, rn_comms[comm].handle, &status);
        rn_received(in, sizeof(in), &status, 0, tag * 8 + i);
    }
}

/* The receive is posted, the sender is told so, and sends with MPI_Rsend or MPI_Irsend. */
void rn_ready(void)
{
    struct rn_message m;
    int slot, now = rn_dice(2), told = rn_tag();
    size_t bytes;
    MPI_Comm comm;
    MPI_Request request;

    if (!draw_message(&m) || m.src == m.dst)
        return;
    draw_receive(&m, 1, &slot);
    if (slot < 0)
        return;
    rn_slots[m.dst][slot].ready = 1;
    comm = rn_comms[m.comm].handle;
    receive_half(&m, NOW, slot, 0);
    if (qt_rank == m.dst)
        MPI_Send(NULL, 0, MPI_INT, rn_comm_rank(m.comm, m.src), told, comm);
    if (qt_rank == m.src) {
        void *buffer = rn_take(bytes = rn_type_bytes(m.type, m.count));
        int to = rn_comm_rank(m.comm, m.dst);

        rn_fill(buffer, bytes, salt_of(&m));
        MPI_Recv(NULL, 0, MPI_INT, to, told, comm, MPI_STATUS_IGNORE);
        if (now) {
            MPI_Irsend(buffer, m.count, rn_types[m.type].handle, to, m.tag, comm, &request);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        } else {
            MPI_Rsend(buffer, m.count, rn_types[m.type].handle, to, m.tag, comm);
        }
        rn_give(buffer);
    }
}
