/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Windows. All synchronisation is ours: in the
 * lower half every window is in one passive epoch from its creation to its end, so that operations
 * can be started and flushed at any time, by the application or by a drain. Fences are a flush and a
 * barrier, pairs (post, start, complete, wait) are empty messages on a communicator of the window's
 * own, and locks are words in a second window. So all that an epoch is lies in the upper half, and
 * there is nothing to open again after a restart. Unless stated otherwise functions are called with
 * the upper FS, inside a wrapper.
 */
#ifndef CR_WINDOW_H
#define CR_WINDOW_H

#include "cr_object.h"
#include "cr_stub_wrap.h"

/* Memory attached to a dynamic window. */
struct cr_window_piece {
    struct cr_window_piece *next;
    void *base;
    MPI_Aint size;
};

/* A rank's part of shared memory. */
struct cr_window_part {
    MPI_Aint size, offset;
    int unit;
};

/* Ranks of a window, of an epoch of pairs. */
struct cr_window_ranks {
    size_t size; /* bytes of the whole */
    int count;
    int awaited; /* exposure: those that have not completed yet, at the front of rank[] */
    int nocheck;
    int rank[];
};

/* Words of a rank in the window of locks. */
enum { CR_WINDOW_LOCK, CR_WINDOW_LOCK_ALL, CR_WINDOW_WORDS };

struct cr_window {
    struct cr_keyed keyed; /* handle.real: the window of the application's memory */
    char gap[CR_WIN_ATTRIBUTES - sizeof(struct cr_keyed)];
    struct cr_attributes *attributes;
    struct cr_communicator *comm; /* of its own, unknown to the application */
    MPI_Win locks;                /* real */
    uint64_t words[CR_WINDOW_WORDS];
    int flavor, unit, model;
    MPI_Aint size;
    void *base;
    void *segment;                /* our mapping: allocated memory; that of all ranks, if shared */
    size_t mapped;                /* bytes of it; 0: the application's memory */
    struct cr_window_part *parts; /* shared: of each rank */
    MPI_Info info;                /* ours: what MPI_Win_get_info tells */
    char name[MPI_MAX_OBJECT_NAME];
    struct cr_window_piece *pieces;
    /* Epochs. */
    int locked_all;
    unsigned char *locked; /* per rank: enum cr_window_lock */
    uint32_t locked_count;
    struct cr_window_ranks *access, *exposure;
};
_Static_assert(offsetof(struct cr_window, attributes) == CR_WIN_ATTRIBUTES, "where mpifh looks");

enum cr_window_lock {
    CR_WINDOW_UNLOCKED,
    CR_WINDOW_SHARED,
    CR_WINDOW_EXCLUSIVE,
    CR_WINDOW_NOCHECK
};

/* NULL: not a window. */
static inline struct cr_window *cr_window_of(MPI_Win win)
{
    return cr_wrap_is(win, CR_KIND_WIN) ? (struct cr_window *)win : NULL;
}

/* Epochs in which this rank may access others' memory; and those with the exposure of its own. */
static inline int cr_window_has_access(const struct cr_window *win)
{
    return win->locked_all || win->locked_count != 0 || win->access != NULL;
}

static inline int cr_window_is_in_epoch(const struct cr_window *win)
{
    return cr_window_has_access(win) || win->exposure != NULL;
}

/* All windows, linked by keyed.next. */
extern struct cr_keyed_list cr_windows;
struct cr_keyed *cr_window_list(void);

/*
 * Makes both real windows of WIN, whose communicator exists. INFO: a handle of ours, or null.
 * Collective, inside the clock's bracket. A code of MPI.
 */
int cr_window_make(struct cr_window *win, MPI_Info info);
/* Ends what cr_window_make() made. Collective. A code of MPI. */
int cr_window_unmake(struct cr_window *win);
/* A new real info: INFO (real) without what is ours to decide. */
MPI_Info cr_window_info(MPI_Info info);

/*
 * Memory that the ranks of WIN share, for its recorded size and unit; the same after a restart.
 * Collective. A code of MPI.
 */
int cr_window_share(struct cr_window *win);
int cr_window_share_again(struct cr_window *win);

/* Gives the lists of ranks and pieces back. */
void cr_window_ranks_free(struct cr_window_ranks **ranks);

#endif
