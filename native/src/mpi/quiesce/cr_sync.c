/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Synchronous sends: classes, and "received" after a checkpoint. */
#include "cr_sync.h"

#include "cr_internal.h"
#include "cr_sync_note.h"

struct cr_sync_class {
    struct cr_sync_class *next;
    MPI_Comm comm;
    int dest, tag;
    uint32_t users; /* synchronous sends under way */
    uint64_t sent;  /* messages since the class is there */
};

enum { BUCKETS = 256 };
static struct cr_sync_class *classes[BUCKETS];
static struct cr_lock classes_lock;
static uint32_t under_way;
static uint64_t tickets;
struct cr_lock cr_sync_order;

static struct cr_sync_class **bucket_of(MPI_Comm comm, int dest, int tag)
{
    uint64_t hash = (uintptr_t)comm >> 4 ^ (uint64_t)(uint32_t)dest << 17 ^ (uint64_t)(uint32_t)tag;

    return &classes[hash * 0x9e3779b97f4a7c15UL >> 56];
}

/* The lock is held. */
static struct cr_sync_class *find(MPI_Comm comm, int dest, int tag)
{
    struct cr_sync_class *c = *bucket_of(comm, dest, tag);

    while (c != NULL && (c->comm != comm || c->dest != dest || c->tag != tag))
        c = c->next;
    return c;
}

static struct cr_sync_class *find_or_make(MPI_Comm comm, int dest, int tag)
{
    struct cr_sync_class *c = find(comm, dest, tag), **bucket;

    if (c != NULL)
        return c;
    bucket = bucket_of(comm, dest, tag);
    c = cr_pool_alloc(sizeof(*c));
    *c = (struct cr_sync_class){*bucket, comm, dest, tag, 0, 0};
    *bucket = c;
    return c;
}

void cr_sync_count(MPI_Comm comm, int dest, int tag)
{
    struct cr_sync_class *c;

    cr_lock_take(&classes_lock);
    c = find(comm, dest, tag);
    if (c != NULL)
        c->sent++;
    cr_lock_give(&classes_lock);
}

void cr_sync_started(struct cr_request *r)
{
    cr_lock_take(&classes_lock);
    r->sync_class = find_or_make(r->comm, r->peer, r->tag);
    r->sync_class->users++;
    r->position = r->sync_class->sent;
    r->ticket = ++tickets;
    r->answer = CR_SYNC_UNKNOWN;
    if (under_way++ == 0)
        cr_request_slow_set(CR_SLOW_SYNCHRONOUS);
    cr_lock_give(&classes_lock);
}

void cr_sync_ended(struct cr_request *r)
{
    struct cr_sync_class *c = r->sync_class, **link;

    cr_lock_take(&classes_lock);
    if (--c->users == 0) {
        for (link = bucket_of(c->comm, c->dest, c->tag); *link != c; link = &(*link)->next)
            ;
        *link = c->next;
        cr_pool_free(c, sizeof(*c));
    }
    if (--under_way == 0)
        cr_request_slow_clear(CR_SLOW_SYNCHRONOUS);
    r->ticket = 0;
    cr_lock_give(&classes_lock);
}

uint64_t cr_sync_after(const struct cr_request *r)
{
    return r->sync_class->sent - r->position;
}

void cr_sync_received(uint32_t sender, uint64_t ticket)
{
    struct cr_sync_data data = {.ticket = ticket};

    /* Counted like a message of the application: the drain must not leave it in the network. */
    if (cr_sync_note_send(sender, CR_SYNC_NOTE_RECEIVED, &data) == MPI_SUCCESS)
        __atomic_fetch_add(&cr_request_sent_to[sender], 1, __ATOMIC_RELAXED);
}

void cr_sync_take_received(uint64_t ticket)
{
    struct cr_request *r = cr_request_find(ticket);

    cr_request_count_note();
    if (r == NULL)
        return;
    if (!(r->flags & CR_REQUEST_UPPER))
        r->answer = CR_SYNC_RECEIVED; /* lost in a drain: perhaps it ends some day */
    else if (cr_request_complete_upper(r))
        cr_request_release_freed(r);
}

void cr_sync_poll(void)
{
    struct cr_sync_data data;
    int tag = CR_SYNC_NOTE_RECEIVED, from;

    while (cr_sync_note_receive(&tag, &data, &from) > 0)
        cr_sync_take_received(data.ticket);
}
