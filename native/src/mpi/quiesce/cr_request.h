/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Requests: what an MPI_Request of the application points to. A record
 * is ACTIVE from its start to its completion and then in the list of active ones, in the order of starting; the drain
 * completes what can be completed, and what is left (receives without a message) is posted again after a restart. A
 * blocking call that is interrupted makes such a record on its stack.
 */
#ifndef CR_REQUEST_H
#define CR_REQUEST_H

#include "cr_quiesce.h"
#include "cr_stub.h"

enum cr_request_state { CR_REQUEST_INACTIVE, CR_REQUEST_ACTIVE, CR_REQUEST_DONE };

enum cr_request_flags {
    CR_REQUEST_PERSISTENT = 1,
    CR_REQUEST_FREED = 2,      /* MPI_Request_free: nobody asks for its end any more */
    CR_REQUEST_CANCELLING = 4, /* MPI_Cancel was called: it may end without a message */
    CR_REQUEST_RETAINS = 8,    /* holds a reference to its communicator */
    CR_REQUEST_RETAINS_TYPE = 16,
    CR_REQUEST_ON_STACK = 32, /* of a blocking call: holds no references */
    CR_REQUEST_UPPER = 64,    /* active, but ended by the upper half: nothing real is behind it */
};

enum cr_send_mode { CR_SEND_STANDARD, CR_SEND_SYNCHRONOUS, CR_SEND_READY, CR_SEND_BUFFERED };

/* What the receiver has said, in a drain, of the message of a synchronous send. */
enum cr_sync_answer { CR_SYNC_UNKNOWN, CR_SYNC_RECEIVED, CR_SYNC_KEPT };

struct cr_sync_class;

struct cr_request {
    struct cr_handle handle;
    uint8_t type;  /* enum cr_request_type */
    uint8_t state; /* enum cr_request_state */
    uint8_t flags;
    uint8_t mode;      /* enum cr_send_mode, of a send */
    uint8_t answer;    /* enum cr_sync_answer, of a synchronous send */
    MPI_Status status; /* when DONE; MPI_ERROR is what the completing call returns */
    void *buffer;
    int count, peer, tag;
    MPI_Datatype datatype;
    MPI_Comm comm;
    struct cr_request *previous, *next;
    int32_t
        fortran_index; /* at CR_REQUEST_FORTRAN_INDEX: the Fortran library reads it; set by the stub */
    const char *made_by; /* of an adopted one: for refusals */
    void *scratch;       /* of an adopted one: argument arrays, given back at its end */
    size_t scratch_size;
    struct cr_sync_class *sync_class; /* of an active synchronous send */
    uint64_t position;                /* in it: messages sent in the class so far */
    uint64_t ticket;                  /* names this start of it to the receiver; 0: none */
    uint64_t order; /* of a receive: how many messages had been matched by probes when it began */
    char room[CR_GREQUEST_HANDLE_SIZE - 168]; /* the Fortran library writes here */
};
_Static_assert(offsetof(struct cr_request, fortran_index) == CR_REQUEST_FORTRAN_INDEX,
               "where mpifh reads");
_Static_assert(sizeof(struct cr_request) >= CR_GREQUEST_HANDLE_SIZE, "mpifh writes into it");
_Static_assert(offsetof(struct cr_request, room) <= CR_GREQUEST_LANGUAGE, "mpifh writes into it");

/* Not through the global offset table: the wrappers are measured in nanoseconds. */
#define CR_REQUEST_HIDDEN __attribute__((visibility("hidden")))

/* Messages handed to MPI for each world rank, and received by whichever call; never reset. */
extern uint64_t *cr_request_sent_to CR_REQUEST_HIDDEN;
extern uint64_t cr_request_received CR_REQUEST_HIDDEN;
extern uint32_t cr_request_world_size CR_REQUEST_HIDDEN;
/* More than one thread may call MPI at a time. */
extern int cr_request_threads CR_REQUEST_HIDDEN;
/* Why counting a message takes more than an addition. */
enum cr_request_slow {
    CR_SLOW_THREADS = 1,
    CR_SLOW_SYNCHRONOUS = 2, /* synchronous sends are active: their classes count too */
    CR_SLOW_HELD = 4,        /* messages are matched by probes and not received */
};
extern uint32_t cr_request_slow CR_REQUEST_HIDDEN;
void cr_request_slow_set(uint32_t reason);
void cr_request_slow_clear(uint32_t reason);
/* The real ompi_request_empty: an Isend returns it when the message has left already. */
extern const void *cr_request_empty CR_REQUEST_HIDDEN;

/* Makes the tables for a world of SIZE ranks. LEVEL: thread level that the application got. */
void cr_request_init(uint32_t size, int level);

/* Collectives under way. */
extern uint32_t cr_request_collectives CR_REQUEST_HIDDEN;

/* Looks up again what differs in each lower half. */
void cr_request_bind(void);

/* A record of this thread's free list, not yet in the active list. Never NULL. */
struct cr_request *cr_request_new(enum cr_request_type type);
/* Gives a record and its references back. It must not be active. */
void cr_request_release(struct cr_request *request);

/* The request was started: state ACTIVE, last in the list. */
void cr_request_activate(struct cr_request *request);
/* The request has ended with STATUS and CODE: state DONE, out of the list, counted if it received a message. */
void cr_request_complete(struct cr_request *request, const MPI_Status *status, int code);
/*
 * The same for one of CR_REQUEST_UPPER, whose status is in place. Another thread may wait for it: it is not touched after it
 * is DONE. Returns 1 if nobody asks for its end (CR_REQUEST_FREED): the caller releases it.
 */
int cr_request_complete_upper(struct cr_request *request);
/* The active request with this ticket, or NULL. */
struct cr_request *cr_request_find(uint64_t ticket);
/* A request that ended at once: DONE with STATUS; never was in the list, counts nothing. */
void cr_request_finished(struct cr_request *request, const MPI_Status *status, int code);

/* Keeps communicator and datatype alive as long as the record lives. */
void cr_request_retain(struct cr_request *request, int with_type);

/* CODE through the error handler of the request's communicator. */
int cr_request_raise(const struct cr_request *request, int code, const char *name);

/* The first active request; follow next until cr_request_end(). Only with the threads parked, or under the lock. */
struct cr_request *cr_request_first(void);
const struct cr_request *cr_request_end(void);

/* Tests, without waiting, requests that were freed while active, and releases those that have ended. */
void cr_request_sweep(void);
/* The same for one that the drain has completed. */
void cr_request_release_freed(struct cr_request *request);

/* The status of MPI_Wait on nothing, and of a send. */
void cr_request_empty_status(MPI_Status *ret_status);

static inline struct cr_request *cr_request_of(MPI_Request request)
{
    return (struct cr_request *)request;
}

/* State of a request that another thread may end. */
static inline int cr_request_is_active(const struct cr_request *r)
{
    return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) == CR_REQUEST_ACTIVE;
}

/* cr_request_count_send() when cr_request_slow is not 0. */
void cr_request_count_send_slowly(MPI_Comm comm, uint32_t world, int dest, int tag);

/* One more message for rank DEST of COMM, counted as soon as it is handed over. */
static inline void cr_request_count_send(MPI_Comm comm, int dest, int tag)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;
    uint32_t world;

    if (__builtin_expect(dest < 0, 0)) /* MPI_PROC_NULL */
        return;
    world = c->world_ranks[dest];
    if (__builtin_expect(world >= cr_request_world_size, 0))
        return;
    if (__builtin_expect(cr_request_slow, 0)) {
        cr_request_count_send_slowly(comm, world, dest, tag);
    } else {
        cr_request_sent_to[world]++;
        c->balance++;
    }
}

/* A message of our own to this rank, which was counted at its sender, has been received. */
static inline void cr_request_count_note(void)
{
    __atomic_fetch_add(&cr_request_received, 1, __ATOMIC_RELAXED);
}

/* One message more has been received on COMM. */
static inline void cr_request_count_receive(MPI_Comm comm)
{
    struct cr_communicator *c = (struct cr_communicator *)comm;

    if (c->flags & CR_COMM_OUTSIDE)
        return;
    if (__builtin_expect(cr_request_threads, 0)) {
        __atomic_fetch_add(&cr_request_received, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&c->balance, 1, __ATOMIC_RELAXED);
    } else {
        cr_request_received++;
        c->balance--;
    }
}

#endif
