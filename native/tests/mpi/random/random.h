/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random MPI programs. A program is a sequence of events drawn from a seed. All ranks draw the same sequence from the same
 * dice and each plays its own part of it, so there is no deadlock: the earliest event that is not over can always go on.
 * What is drawn may depend on what all ranks know only (the "plan"), never on what has happened on one of them, such as
 * which request completed first.
 *
 * All that a rank receives, with its status, goes into a hash that does not depend on the order of completion. At the end
 * of a program the hashes of all ranks are printed: with and without checkpoints they must be the same.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "../quiesce/qt.h"

#include <stdint.h>

enum {
    RANKS = 4, /* at most */
    COMMS = 24,
    TYPES = 24,
    SLOTS = 20,
    OPEN = 24,            /* messages of which only one half has been played */
    PLAIN = 7,            /* the first types are predefined */
    BSEND_ROOM = 1 << 22, /* for a whole program */
    ANSWER_S = 300,
};

/* ---- dice and hash: random_base.c ---- */

extern uint64_t rn_hash; /* of this rank, in this program */
extern int rn_event;     /* number of the event that is played */

uint64_t rn_mix(uint64_t a, uint64_t b);
void rn_seed(uint64_t seed);
int rn_dice(int sides); /* the same on all ranks */
int rn_chance(int percent);
/* Whether $QUIESCE_RANDOM_WITHOUT, a list of words, has the name of this event or kind of communicator. */
int rn_without(const char *name);
/* Of this rank alone: for pauses. */
int rn_own_dice(int sides);
/* Prints what this rank begins, if $QUIESCE_RANDOM_TRACE is set. */
void rn_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Adds WHAT, whenever it comes, to the hash. */
void rn_note(uint64_t what);
uint64_t rn_digest(const void *data, size_t bytes);
void rn_fill(void *data, size_t bytes, uint64_t salt);
/* Memory of this rank until the program's end, or until rn_give(). Marked all over. */
void *rn_take(size_t bytes);
void rn_give(void *memory);
void rn_give_all(void);

/* ---- datatypes: random_types.c ---- */

struct rn_type {
    int live, base; /* base: a predefined type of which it has ELEMENTS, or -1: a mixture */
    int elements;
    MPI_Aint span, extent; /* bytes of the first element's memory; distance to the next */
    MPI_Datatype handle;
};

extern struct rn_type rn_types[TYPES];
extern MPI_Datatype rn_affine;
extern MPI_Op rn_compose; /* associative, not commutative: on rn_affine */

void rn_types_begin(void);
void rn_types_end(void);
void rn_type_make(void);
void rn_type_free(void);
int rn_type_draw(void);
/* One that may receive what COUNT of TYPE send; changes *COUNT, to more than needed, too. */
int rn_type_draw_like(int type, int *count);
int rn_count_draw(int type);
size_t rn_type_bytes(int type, int count);

/* ---- communicators: random_comms.c ---- */

struct rn_comm {
    int live, wild;   /* wild: only for receives with MPI_ANY_TAG */
    int size, remote; /* of world[] and, of an intercommunicator, far[] */
    int world[RANKS], far[RANKS];
    int neighbours; /* has a topology */
    int in, out;    /* neighbours of this rank */
    MPI_Comm handle;
};

extern struct rn_comm rn_comms[COMMS];

void rn_comms_begin(void);
void rn_comms_end(void);
void rn_comm_make(void);
void rn_comm_free(void);
int rn_comm_draw(int wild); /* at least two members, no intercommunicator; or -1 */
int rn_comm_draw_any(void);
/* The rank of world rank WHO in the group of COMM that it belongs to; -1: in none. */
int rn_comm_rank(int comm, int who);
int rn_comm_has(int comm, int who);

/* ---- requests: random_requests.c ---- */

enum rn_kind { RN_SEND, RN_RECEIVE, RN_COLLECTIVE };

struct rn_slot {
    /* the plan */
    int used, active; /* active: started, and not known to be complete */
    int ready;        /* the other side has played its part, or will without this rank */
    int persistent, comm, kind;
    /* of this rank */
    MPI_Request request;
    void *buffer, *more; /* more: what else must live as long */
    size_t bytes;
    int base, event;
};

extern struct rn_slot rn_slots[RANKS][SLOTS];

void rn_requests_begin(void);
/* A free slot of rank WHO, now used and active; or -1. */
int rn_slot_take(int who, int kind, int comm, int ready);
/* Waits for some, or tests, on one rank. */
void rn_complete(void);
void rn_complete_all(void);
void rn_persistent(void);
void rn_cancel(void);
/* Notes a message that has been received. STATUS may be MPI_STATUS_IGNORE. */
void rn_received(const void *buffer, size_t bytes, MPI_Status *status, int base, int event);
int rn_comm_is_busy(int comm);

/* ---- messages: random_messages.c ---- */

struct rn_message {
    int used, posted; /* posted: the receive was; otherwise the send was */
    int src, dst, comm, tag;
    int type, count, like, room; /* what is sent; with what it is received */
    int slot;                    /* of the side that was played, or -1 */
};

extern struct rn_message rn_open[OPEN];

void rn_message(void);
void rn_open_one(void);
void rn_open_all(void);
void rn_shift(void);
void rn_wild(void);
void rn_burst(void);
void rn_ready(void);
int rn_tag(void);
void rn_messages_begin(void);

/* ---- collectives: random_collectives.c ---- */

void rn_collective(void);

#endif
