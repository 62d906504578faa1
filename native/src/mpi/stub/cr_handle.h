/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked (no malloc, no stdio). What an MPI handle of the
 * application points to.
 *
 * Every handle (MPI_Comm, MPI_Datatype, ...) that the application holds is the address of one of
 * the structures below: the predefined ones lie inside the data symbols that libmpi.so.40 exports
 * (ompi_mpi_comm_world ...), the others come from cr_pool_alloc(). The first 16 bytes lie exactly
 * over Open MPI's opal_object_t, so that what follows can mirror the real object for bindings that
 * look inside (datatypes: libmpi_java reads flags there).
 */
#ifndef CR_HANDLE_H
#define CR_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#define CR_HANDLE_MAGIC 0x5143

enum cr_kind {
    CR_KIND_NONE,
    CR_KIND_COMM,
    CR_KIND_DATATYPE,
    CR_KIND_GROUP,
    CR_KIND_OP,
    CR_KIND_REQUEST,
    CR_KIND_WIN,
    CR_KIND_INFO,
    CR_KIND_ERRHANDLER,
    CR_KIND_MESSAGE,
    CR_KIND_FILE,
    CR_KIND_COUNT
};

enum cr_handle_flags {
    CR_HANDLE_PREDEFINED = 1, /* never freed; inside a data symbol */
    CR_HANDLE_NULL = 2,       /* MPI_COMM_NULL, MPI_REQUEST_NULL, ... */
};

struct cr_handle {
    uint16_t magic;
    uint8_t kind; /* enum cr_kind */
    uint8_t flags;
    int32_t fortran; /* 1 + index in the Fortran table of its kind; 0: has none yet */
    void *real;      /* the object of the lower half: what is passed to the real MPI */
};
_Static_assert(sizeof(struct cr_handle) == 16, "lies over opal_object_t");

/*
 * A small lock (futex) for the tables of the upper half; held only inside wrappers (never by a
 * parked thread).
 */
struct cr_lock {
    uint32_t word;
};
void cr_lock_take(struct cr_lock *lock);
void cr_lock_give(struct cr_lock *lock);

struct cr_group;      /* collective clock of a group of ranks: ../quiesce */
struct cr_comm_state; /* unexpected queue and counters of a communicator: ../quiesce */
struct cr_attributes; /* attributes: cr_attribute.c */
struct cr_errhandler;

/*
 * What objects with a collective clock and an error handler have in common: communicators, windows,
 * files.
 */
struct cr_keyed {
    struct cr_handle handle;
    struct cr_group *
        /*
         * windows and files: cr_quiesce_parent() of the communicator; communicators: ../quiesce
         * uses it
         */
        clock;
    struct cr_errhandler *errhandler;
    const char *made_by;   /* "MPI_Win_create": for refusals */
    struct cr_keyed *next; /* list of all live ones of this kind */
    uint64_t number;       /* counts the creations of this kind in this process, for messages */
};

/* All live objects of a kind, newest first, linked by next. */
struct cr_keyed_list {
    struct cr_lock lock;
    struct cr_keyed *first;
    uint64_t made; /* so many ever: the newest one's number */
};

/* Gives OBJECT its number and puts it at the front. */
void cr_keyed_add(struct cr_keyed_list *list, struct cr_keyed *object);
void cr_keyed_remove(struct cr_keyed_list *list, const struct cr_keyed *object);

enum cr_communicator_flags {
    CR_COMM_INTER = 1,
    CR_COMM_FREED = 2,      /* the application has freed it, but requests still refer to it */
    CR_COMM_OUTSIDE = 4,    /* has members that are not in MPI_COMM_WORLD (spawned, connected) */
    CR_COMM_TOPOLOGY = 8,   /* cartesian, graph */
    CR_COMM_PENDING = 16,   /* MPI_Comm_idup: the request is not complete yet */
    CR_COMM_GONE = 32,      /* freed in the lower half too (MPI_Comm_disconnect) */
    CR_COMM_HINTS = 64,     /* made with an info object, on all its members */
    CR_COMM_SET_INFO = 128, /* MPI_Comm_set_info was called on it here */
};

struct cr_topology;

/*
 * Where libmpi_mpifh finds the attributes of an object (c_keyhash, d_keyhash, w_keyhash) and the
 * flags of an operation.
 */
#define CR_COMM_ATTRIBUTES 272
#define CR_DATATYPE_ATTRIBUTES 208
#define CR_WIN_ATTRIBUTES 240
#define CR_OP_FLAGS 84
/*
 * MPI_Grequest_start of libmpi_mpifh stores 0 ("the functions are Fortran's") into this byte of the
 * new request's handle.
 */
#define CR_GREQUEST_LANGUAGE 192
/*
 * MPI_Wait and its relatives of libmpi_mpifh read the Fortran index of what the request became from
 * these 4 bytes.
 */
#define CR_REQUEST_FORTRAN_INDEX 104
#define CR_GREQUEST_HANDLE_SIZE                                                                    \
    200 /* so large must a handle be that cr_request_adopt() makes for a generalized request */

struct cr_communicator {
    struct cr_keyed keyed;
    struct cr_comm_state *state; /* set by cr_quiesce_comm_added() */
    int32_t rank, size;          /* own rank; size of the local group */
    uint32_t *
        /* of rank i of the group to which messages go: the local group, or the remote group */
        world_ranks;
    int32_t peer_size; /* number of entries in world_ranks: size, or the remote group's size */
    uint32_t flags;    /* enum cr_communicator_flags */
    uint64_t id_high,
        id_low; /* the same on all members, distinct among communicators that share a member */
    uint64_t children;   /* creating collectives called on it so far */
    uint32_t references; /* one of the application, one of each request that refers to it */
    struct cr_topology *topology;
    char name[64];
    char gap[CR_COMM_ATTRIBUTES - 192];
    struct cr_attributes *attributes;
    uint32_t *local_ranks; /* world ranks of the local group of an intercommunicator; else NULL */
    struct cr_info_pair *hints; /* while an image is made: cr_info.c */
    int64_t balance;            /* messages sent on it here, less those received */
};
_Static_assert(offsetof(struct cr_communicator, attributes) == CR_COMM_ATTRIBUTES,
               "where mpifh looks");
_Static_assert(sizeof(struct cr_communicator) <= 512, "predefined communicators have 512 bytes");

/*
 * Bytes of a real ompi_datatype_t that the descriptor mirrors (attributes excepted), and where its
 * own data begin.
 */
#define CR_DATATYPE_MIRROR 304

struct cr_type_recipe; /* how to make it again: cr_datatype.c */

struct cr_datatype {
    struct cr_handle handle;
    char mirror_low[CR_DATATYPE_ATTRIBUTES - sizeof(struct cr_handle)];
    struct cr_attributes *attributes;
    char mirror_high[CR_DATATYPE_MIRROR - CR_DATATYPE_ATTRIBUTES - sizeof(void *)];
    struct cr_type_recipe *recipe; /* NULL: predefined */
    struct cr_datatype *next;      /* list of all derived types, newest first */
    uint32_t
        /* one of the application, one of each type made from it, one of each active request */
        references;
    uint32_t committed;
    char name[64];
};
_Static_assert(offsetof(struct cr_datatype, attributes) == CR_DATATYPE_ATTRIBUTES,
               "where mpifh looks");
_Static_assert(sizeof(struct cr_datatype) <= 512, "predefined datatypes have 512 bytes");

/*
 * A new handle of KIND with REAL behind it; SIZE bytes, zeroed behind the first 16 (or mirrored).
 * Never NULL.
 */
struct cr_handle *cr_handle_new(enum cr_kind kind, size_t size, void *real);

/*
 * Takes the handle out of the real-to-handle table, clears its magic, gives SIZE bytes back to the
 * pool.
 */
void cr_handle_delete(struct cr_handle *handle, size_t size);

/* Gives the handle's Fortran index back, if it has one. Part of cr_handle_delete(). */
void cr_fortran_forget(struct cr_handle *handle);

/* The null handle of KIND (&ompi_mpi_comm_null ...). */
struct cr_handle *cr_handle_null(enum cr_kind kind);

/*
 * The handle for a real object that is predefined or a datatype that the application made; NULL if
 * not known.
 */
struct cr_handle *cr_handle_find(enum cr_kind kind, const void *real);

/* Makes REAL known to cr_handle_find(). */
void cr_handle_learn(struct cr_handle *handle);

/*
 * What the real MPI understands: the object behind HANDLE, or HANDLE itself if it is none of ours
 * (NULL, sentinels).
 */
static inline void *cr_handle_real(const void *handle)
{
    const struct cr_handle *h = (const struct cr_handle *)handle;

    if (__builtin_expect((uintptr_t)h < 4096, 0) ||
        __builtin_expect(h->magic != CR_HANDLE_MAGIC, 0))
        return (void *)(uintptr_t)handle;
    return h->real;
}

/*
 * Copies into a datatype's handle what bindings read of the real object; nothing for other kinds.
 */
void cr_handle_mirror(struct cr_handle *handle);

/*
 * Memory that belongs to the upper half but never to the application's malloc: from mmap, in size
 * classes, with free lists. Thread-safe, callable with all other threads parked. Zeroed. Never
 * NULL: without memory the process ends with a message.
 */
void *cr_pool_alloc(size_t size);
void cr_pool_free(void *memory, size_t size);

#endif
