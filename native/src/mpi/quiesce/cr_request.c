/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Records of requests, their free lists and the list of active ones. */
#include "cr_request.h"

#include "cr_generalized.h"
#include "cr_persistent.h"
#include "cr_probe.h"
#include "cr_sync.h"

#include <string.h>

uint64_t *cr_request_sent_to;
uint64_t cr_request_received;
uint32_t cr_request_world_size;
int cr_request_threads;
uint32_t cr_request_slow;
uint32_t cr_request_collectives;
const void *cr_request_empty;

static struct cr_request active = {.previous = &active, .next = &active};
static struct cr_lock active_lock;
static uint32_t freed_count; /* records with CR_REQUEST_FREED in the list */

static void lock(void)
{
    if (cr_request_threads)
        cr_lock_take(&active_lock);
}

static void unlock(void)
{
    if (cr_request_threads)
        cr_lock_give(&active_lock);
}

void cr_request_bind(void)
{
    static const char *const name[] = {"ompi_request_empty"};
    void *address = NULL;
    uint64_t fs = cr_lower_enter();

    cr_lower->resolve(name, 1, &address);
    cr_lower_leave(fs);
    cr_request_empty = address;
}

void cr_request_init(uint32_t size, int level)
{
    cr_request_sent_to = cr_pool_alloc(size * sizeof(*cr_request_sent_to));
    cr_request_world_size = size;
    cr_request_threads = level >= MPI_THREAD_MULTIPLE;
    if (cr_request_threads)
        cr_request_slow_set(CR_SLOW_THREADS);
    cr_request_bind();
}

void cr_request_slow_set(uint32_t reason)
{
    __atomic_or_fetch(&cr_request_slow, reason, __ATOMIC_SEQ_CST);
}

void cr_request_slow_clear(uint32_t reason)
{
    __atomic_and_fetch(&cr_request_slow, ~reason, __ATOMIC_SEQ_CST);
}

void cr_request_count_send_slowly(MPI_Comm comm, uint32_t world, int dest, int tag)
{
    __atomic_fetch_add(&cr_request_sent_to[world], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&((struct cr_communicator *)comm)->balance, 1, __ATOMIC_RELAXED);
    if (cr_request_slow & CR_SLOW_SYNCHRONOUS)
        cr_sync_count(comm, dest, tag);
}

struct cr_request *cr_request_new(enum cr_request_type type)
{
    struct cr_request *r = cr_self.requests;

    if (__builtin_expect(r != NULL, 1))
        cr_self.requests = r->next;
    else
        r = cr_pool_alloc(sizeof(*r));
    r->handle.magic = CR_HANDLE_MAGIC;
    r->handle.kind = CR_KIND_REQUEST;
    r->handle.flags = 0;
    r->type = type;
    r->flags = 0;
    r->mode = CR_SEND_STANDARD;
    r->ticket = 0;
    r->scratch = NULL;
    return r;
}

void cr_request_release(struct cr_request *r)
{
    if (r->flags & CR_REQUEST_RETAINS)
        cr_communicator_release(r->comm);
    if (r->flags & CR_REQUEST_RETAINS_TYPE)
        cr_datatype_release(r->datatype);
    if (__builtin_expect(r->type == CR_REQUEST_GENERALIZED, 0))
        cr_generalized_freed(r);
    if (__builtin_expect(r->type == CR_REQUEST_PERSISTENT_COLLECTIVE, 0))
        cr_persistent_freed(r);
    if (r->scratch != NULL)
        cr_pool_free(r->scratch, r->scratch_size);
    if (__builtin_expect(r->handle.fortran != 0, 0))
        cr_fortran_forget(&r->handle);
    r->handle.magic = 0;
    r->next = cr_self.requests;
    cr_self.requests = r;
}

void cr_request_retain(struct cr_request *r, int with_type)
{
    if (r->comm != NULL) {
        cr_communicator_retain(r->comm);
        r->flags |= CR_REQUEST_RETAINS;
    }
    if (with_type) {
        cr_datatype_retain(r->datatype);
        r->flags |= CR_REQUEST_RETAINS_TYPE;
    }
}

static int is_collective(const struct cr_request *r)
{
    return r->type == CR_REQUEST_COLLECTIVE || r->type == CR_REQUEST_PERSISTENT_COLLECTIVE;
}

void cr_request_activate(struct cr_request *r)
{
    lock();
    if (is_collective(r))
        cr_request_collectives++;
    r->state = CR_REQUEST_ACTIVE;
    r->order = cr_probe_order;
    r->previous = active.previous;
    r->next = &active;
    active.previous->next = r;
    active.previous = r;
    unlock();
}

static void deactivate(struct cr_request *r)
{
    lock();
    if (is_collective(r))
        cr_request_collectives--;
    r->previous->next = r->next;
    r->next->previous = r->previous;
    unlock();
}

void cr_request_finished(struct cr_request *r, const MPI_Status *status, int code)
{
    r->status = *status;
    r->status.MPI_ERROR = code;
    r->state = CR_REQUEST_DONE;
}

void cr_request_complete(struct cr_request *r, const MPI_Status *status, int code)
{
    deactivate(r);
    if (r->ticket != 0)
        cr_sync_ended(r);
    cr_request_finished(r, status, code);
    if (r->type == CR_REQUEST_IDUP && code == MPI_SUCCESS)
        cr_communicator_idup_done(r->comm);
    if (r->type != CR_REQUEST_RECEIVE || r->peer == MPI_PROC_NULL)
        return;
    if ((r->flags & CR_REQUEST_CANCELLING) && status->_cancelled)
        return;
    cr_request_count_receive(r->comm);
    if (__builtin_expect(cr_request_slow & CR_SLOW_HELD, 0))
        cr_probe_consumed(r->comm, r->status.MPI_SOURCE, r->status.MPI_TAG, r->order);
}

int cr_request_complete_upper(struct cr_request *r)
{
    int freed;

    if (r->ticket != 0)
        cr_sync_ended(r);
    lock();
    freed = r->flags & CR_REQUEST_FREED;
    r->flags &= (uint8_t)~CR_REQUEST_UPPER;
    r->previous->next = r->next;
    r->next->previous = r->previous;
    __atomic_store_n(&r->state, CR_REQUEST_DONE, __ATOMIC_RELEASE);
    unlock();
    return freed != 0;
}

struct cr_request *cr_request_find(uint64_t ticket)
{
    struct cr_request *r, *found = NULL;

    lock();
    for (r = active.next; r != &active && found == NULL; r = r->next)
        if (r->ticket == ticket)
            found = r;
    unlock();
    return found;
}

void cr_request_empty_status(MPI_Status *ret_status)
{
    memset(ret_status, 0, sizeof(*ret_status));
    ret_status->MPI_SOURCE = MPI_ANY_SOURCE;
    ret_status->MPI_TAG = MPI_ANY_TAG;
}

struct cr_request *cr_request_first(void)
{
    return active.next;
}

const struct cr_request *cr_request_end(void)
{
    return &active;
}

MPI_Request cr_request_adopt(enum cr_request_type type, MPI_Comm comm, MPI_Request real,
                             const char *made_by, void *scratch, size_t scratch_size)
{
    struct cr_request *r = cr_request_new(type);

    r->handle.real = real;
    r->comm = comm == MPI_COMM_NULL ? NULL : comm;
    r->peer = MPI_PROC_NULL;
    r->made_by = made_by;
    r->scratch = scratch;
    r->scratch_size = scratch_size;
    if (type != CR_REQUEST_IDUP)
        cr_request_retain(r, 0);
    if (type == CR_REQUEST_PERSISTENT_COLLECTIVE) {
        r->flags |= CR_REQUEST_PERSISTENT;
        r->state = CR_REQUEST_INACTIVE;
    } else {
        cr_request_activate(r);
    }
    return (MPI_Request)r;
}

int cr_request_at_once(void)
{
    return cr_request_threads;
}

MPI_Request cr_request_done(const MPI_Status *status)
{
    struct cr_request *r = cr_request_new(CR_REQUEST_OTHER);

    r->comm = NULL;
    r->peer = MPI_PROC_NULL;
    cr_request_finished(r, status, MPI_SUCCESS);
    return (MPI_Request)r;
}

int cr_request_raise(const struct cr_request *r, int code, const char *name)
{
    return cr_raise_comm(r->comm == NULL ? MPI_COMM_WORLD : r->comm, code, name);
}

/* One freed request in the list, DONE or tested. NULL: none has ended. */
static struct cr_request *ended_freed(void)
{
    struct cr_request *r;

    lock();
    for (r = active.next; r != &active; r = r->next) {
        MPI_Status status;
        uint64_t fs;
        int done = 0, code;

        if (!(r->flags & CR_REQUEST_FREED) || (r->flags & CR_REQUEST_UPPER))
            continue;
        fs = cr_lower_enter();
        code = CR_REAL(Test)((MPI_Request *)&r->handle.real, &done, &status);
        cr_lower_leave(fs);
        if (done) {
            unlock();
            cr_request_complete(r, &status, code);
            return r;
        }
    }
    unlock();
    return NULL;
}

void cr_request_release_freed(struct cr_request *r)
{
    __atomic_fetch_sub(&freed_count, 1, __ATOMIC_RELAXED);
    cr_request_release(r);
}

void cr_request_sweep(void)
{
    struct cr_request *r;

    while (freed_count != 0 && (r = ended_freed()) != NULL)
        cr_request_release_freed(r);
}

/* 1: R is active, and is released at its end. */
static int free_later(struct cr_request *r)
{
    int later;

    lock();
    later = r->state == CR_REQUEST_ACTIVE;
    if (later) {
        r->flags |= CR_REQUEST_FREED;
        __atomic_fetch_add(&freed_count, 1, __ATOMIC_RELAXED);
    }
    unlock();
    return later;
}

CR_MPI(int, Request_free, (MPI_Request * request))
{
    struct cr_request *r;

    if (request == NULL || *request == MPI_REQUEST_NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Request_free");
    cr_gate_enter();
    r = cr_request_of(*request);
    *request = MPI_REQUEST_NULL;
    if (!free_later(r))
        cr_request_release(r);
    cr_request_sweep();
    cr_gate_leave();
    return MPI_SUCCESS;
}

/* A send is never cancelled: the standard lets it complete instead, and the counts of the drain stay right. */
CR_MPI(int, Cancel, (MPI_Request * request))
{
    struct cr_request *r;
    int rc = MPI_SUCCESS;

    if (request == NULL || *request == MPI_REQUEST_NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Cancel");
    cr_gate_enter();
    r = cr_request_of(*request);
    if (r->type == CR_REQUEST_GENERALIZED) {
        rc = cr_generalized_cancel(r);
    } else if (r->state == CR_REQUEST_ACTIVE && r->type != CR_REQUEST_SEND) {
        uint64_t fs;

        r->flags |= CR_REQUEST_CANCELLING;
        fs = cr_lower_enter();
        rc = CR_REAL(Cancel)((MPI_Request *)&r->handle.real);
        cr_lower_leave(fs);
    }
    rc = cr_request_raise(r, rc, "MPI_Cancel");
    cr_gate_leave();
    return rc;
}
