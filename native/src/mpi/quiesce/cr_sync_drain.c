/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: on the agent's thread, every application thread parked: no malloc, no stdio. Synchronous sends in the drain. A
 * question can be answered as soon as every message to this rank is here: what is in the queue then is all that no receive
 * has matched, and these are the last messages of their class.
 */
#include "cr_probe.h"
#include "cr_sync.h"
#include "cr_sync_note.h"
#include "cr_unexpected.h"

struct question {
    struct question *next;
    uint32_t from;
    struct cr_sync_data data;
};

static struct question *questions; /* not answered yet */
static uint64_t heard;             /* in this drain */

static int is_asked_about(const struct cr_request *r)
{
    return cr_sync_is_open(r) && !(r->flags & CR_REQUEST_UPPER);
}

static uint32_t world_of(const struct cr_request *r)
{
    return ((const struct cr_communicator *)r->comm)->world_ranks[r->peer];
}

static void forget_questions(void)
{
    struct question *q;

    while ((q = questions) != NULL) {
        questions = q->next;
        cr_pool_free(q, sizeof(*q));
    }
}

void cr_sync_begin(void)
{
    forget_questions();
    heard = 0;
}

void cr_sync_announce(uint64_t *table)
{
    const struct cr_request *r;

    for (r = cr_request_first(); r != cr_request_end(); r = r->next)
        if (is_asked_about(r))
            table[CR_DRAIN_NUMBERS * world_of(r) + CR_DRAIN_QUESTIONS]++;
}

int cr_sync_ask(void)
{
    const struct cr_request *r;
    int rc = MPI_SUCCESS;

    for (r = cr_request_first(); r != cr_request_end() && rc == MPI_SUCCESS; r = r->next) {
        const struct cr_communicator *c = (const struct cr_communicator *)r->comm;
        struct cr_sync_data data = {.ticket = r->ticket, .tag = r->tag};

        if (!is_asked_about(r))
            continue;
        data.id_high = c->id_high;
        data.id_low = c->id_low;
        data.after = cr_sync_after(r);
        rc = cr_sync_note_send(world_of(r), CR_SYNC_NOTE_ASK, &data);
    }
    return rc;
}

struct search {
    const struct question *question;
    struct cr_communicator *found;
};

static int has_identity(struct cr_communicator *c, void *context)
{
    struct search *s = context;

    if (c->state == NULL || c->id_high != s->question->data.id_high ||
        c->id_low != s->question->data.id_low)
        return 0;
    s->found = c;
    return 1;
}

static int is_in_class(const struct question *q, const struct cr_communicator *c, int source,
                       int tag)
{
    return tag == q->data.tag && source >= 0 && source < c->peer_size &&
           c->world_ranks[source] == q->from;
}

/* The message that Q asks for, if no receive has taken it. */
static struct cr_message *find(const struct question *q)
{
    struct search search = {q, NULL};
    struct cr_message *m;
    uint64_t count = 0;
    int source = 0;

    cr_communicator_each(has_identity, &search);
    if (search.found == NULL)
        return NULL;
    while (source < search.found->peer_size && search.found->world_ranks[source] != q->from)
        source++;
    for (m = search.found->state->first; m != NULL; m = m->next)
        count += (uint64_t)is_in_class(q, search.found, m->source, m->tag);
    if (q->data.after >= count)
        return cr_probe_held((MPI_Comm)search.found, source, q->data.tag, q->data.after - count);
    for (m = search.found->state->first; m != NULL; m = m->next)
        if (is_in_class(q, search.found, m->source, m->tag) && --count == q->data.after)
            return m;
    return NULL;
}

static int answer(const struct question *q)
{
    struct cr_sync_data data = {.ticket = q->data.ticket, .answer = CR_SYNC_RECEIVED};
    struct cr_message *m = find(q);

    if (m != NULL) {
        m->sender = q->from;
        m->ticket = q->data.ticket;
        data.answer = CR_SYNC_KEPT;
    }
    return cr_sync_note_send(q->from, CR_SYNC_NOTE_ANSWER, &data);
}

static int answer_all(void)
{
    struct question *q;
    int rc = MPI_SUCCESS;

    while ((q = questions) != NULL && rc == MPI_SUCCESS) {
        rc = answer(q);
        questions = q->next;
        cr_pool_free(q, sizeof(*q));
    }
    return rc;
}

/* The real request has ended and the answer is there. */
static void settle(struct cr_request *r)
{
    if ((r->flags & CR_REQUEST_UPPER) && r->answer == CR_SYNC_RECEIVED)
        cr_request_complete_upper(r);
}

int cr_sync_is_lost(const struct cr_request *r)
{
    return cr_lower->forgets_matched && r->ticket != 0 && !(r->flags & CR_REQUEST_UPPER) &&
           r->answer != CR_SYNC_UNKNOWN;
}

void cr_sync_sent(struct cr_request *r, const MPI_Status *status, int code)
{
    r->status = *status;
    r->status.MPI_ERROR = code;
    r->handle.real = NULL;
    r->flags |= CR_REQUEST_UPPER;
    settle(r);
}

static void take_answer(const struct cr_sync_data *data)
{
    struct cr_request *r = cr_request_find(data->ticket);

    if (r == NULL)
        return;
    r->answer = (uint8_t)data->answer;
    settle(r);
}

static void take(int tag, const struct cr_sync_data *data, int from)
{
    struct question *q;

    if (tag == CR_SYNC_NOTE_RECEIVED) {
        cr_sync_take_received(data->ticket);
    } else if (tag == CR_SYNC_NOTE_ANSWER) {
        take_answer(data);
    } else {
        q = cr_pool_alloc(sizeof(*q));
        *q = (struct question){questions, (uint32_t)from, *data};
        questions = q;
        heard++;
    }
}

int cr_sync_step(int complete, int *ret_progress)
{
    struct cr_sync_data data;
    int tag = MPI_ANY_TAG, from, found;

    while ((found = cr_sync_note_receive(&tag, &data, &from)) > 0) {
        take(tag, &data, from);
        *ret_progress = 1;
        tag = MPI_ANY_TAG;
    }
    if (found < 0)
        return MPI_ERR_INTERN;
    return complete ? answer_all() : MPI_SUCCESS;
}

int cr_sync_settled(uint64_t expected)
{
    return heard == expected && questions == NULL && cr_sync_notes_are_gone();
}

void cr_sync_give_up(void)
{
    struct cr_request *r, *next;

    forget_questions();
    for (r = cr_request_first(); r != cr_request_end(); r = next) {
        next = r->next;
        if (cr_sync_is_open(r) && (r->flags & CR_REQUEST_UPPER))
            cr_request_complete_upper(r);
    }
}
