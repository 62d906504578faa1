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
    OPEN = 24,     /* messages of which only one half has been played */
    OF_WINDOW = 1, /* what a request belongs to: a window, a file */
    OF_FILE = 100,
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
    int of, serial; /* of: which window or file must not be left before it is complete */
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
/* Completes what is under way of that window or file, on all ranks. */
void rn_complete_of(int of);
int rn_comm_is_busy(int comm);
/* Whether the request that was number SERIAL in this slot may be incomplete yet. */
int rn_slot_holds(int who, int slot, int serial);

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
void rn_persistent_collective(void);
/* Whether a persistent one has that type: Open MPI 4.1 forgets to keep it. */
int rn_collectives_keep(int type);
void rn_collectives_begin(void);
void rn_collectives_end(void);

/* ---- windows: random_windows.c, random_rma.c ---- */

enum { WINDOWS = 3, CELLS = 4, CELL = 6144, PENDING = 128 };
enum rn_flavour { RN_SHARED, RN_ALLOCATED, RN_CREATED, RN_DYNAMIC, RN_FLAVOURS };
enum rn_epoch { RN_IDLE, RN_FENCE, RN_LOCK_ALL, RN_LOCK, RN_PAIRED, RN_EPOCHS };
enum rn_cell { RN_FREE, RN_READ, RN_BUSY, RN_ADDED, RN_OWNED };

/* The memory of a rank: for each rank some cells, which that one alone writes; a counter for each rank alone; one for all. */
enum {
    COUNTERS_AT = RANKS * CELLS * CELL,
    COMMON = RANKS,
    WINDOW_BYTES = COUNTERS_AT + 8 * (COMMON + 1)
};

struct rn_window {
    /* the plan; ranks are those of the communicator */
    int live, comm, unit;
    enum rn_flavour flavour;
    enum rn_epoch epoch;
    int target[RANKS], exclusive[RANKS]; /* of RN_LOCK; -1: none */
    int origins, targets;                /* of RN_PAIRED: bit by bit */
    enum rn_cell cells[RANKS][RANKS][CELLS];
    int operations[RANKS]; /* since those of a rank were last complete */
    /* of this rank */
    MPI_Win handle;
    char *memory;
    MPI_Aint address[RANKS];
    struct {
        void *buffer;
        size_t bytes;
        int target, noted, event;
    } pending[PENDING];
    int pending_count;
};

extern struct rn_window rn_windows[WINDOWS];

void rn_windows_begin(void);
void rn_windows_end(void);
void rn_window_make(void);
void rn_window_free(void);
void rn_epoch(void);
void rn_count_up(void);
int rn_window_draw(int idle); /* one in an epoch, or in none; or -1 */
int rn_windows_use(int comm);
/* Of the calling rank's operations on TARGET, or all if -1: they are complete, in its memory as well. */
void rn_window_done(struct rn_window *w, int origin, int target);
void rn_operate(void);

/* ---- files: random_files.c, random_shared.c ---- */

enum { FILES = 3, BLOCKS = 10, BLOCK = 3000, RECORD = 64 };
enum rn_file_kind { RN_BLOCKS, RN_ORDERED, RN_ANY_ORDER, RN_FILE_KINDS };
enum rn_split { RN_WHOLE, RN_WRITING, RN_READING };

struct rn_file {
    /* the plan; ranks are those of the communicator */
    int live, comm, view, records;
    enum rn_file_kind kind;
    enum rn_split split;
    int at[RANKS]; /* the block at which the individual pointer stands */
    int length[RANKS][BLOCKS], slot[RANKS][BLOCKS],
        serial[RANKS][BLOCKS]; /* written so far; by which request */
    /* of this rank */
    MPI_File handle;
    void *buffer; /* of what is split */
    size_t bytes;
    char path[512];
};

extern struct rn_file rn_files[FILES];

void rn_files_begin(unsigned long seed);
void rn_files_end(void);
void rn_file_make(void);
void rn_file_close(void);
void rn_file(void);
int rn_files_use(int comm);
/* Completes what is under way of all files, on all ranks: before each sync. */
void rn_files_settle(void);
void rn_records(struct rn_file *f, int index);
/* Ends what is split. */
void rn_records_settle(struct rn_file *f);
void rn_records_end(struct rn_file *f);

#endif
