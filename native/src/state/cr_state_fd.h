/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Kinds of descriptors. A kind is one file cr_fd_KIND.c with one struct cr_fd_kind, named in the table of
 * cr_fd_kinds.c. What all kinds have in common (number, path, flags, offset, what shares the open file description) is in
 * the message Descriptor; what only one kind has goes into a note of its own, found by the descriptor's number.
 *
 * An open file description is made anew either by the agent in the restored process (a rank of an MPI job), or by the
 * restarter before the process exists, once for all processes that share it. So a create function looks at nothing but
 * notes and at what struct cr_fd_create gives it.
 */
#ifndef CR_STATE_FD_H
#define CR_STATE_FD_H

#include "cr_state.h"
#include "cr_state_util.h"

#include "image.pb.h"

#include <sys/stat.h>

/* What create() returns instead of a descriptor: the restarter's standard stream is to be used. */
#define CR_FD_KEEP_STREAM (1 << 30)

/* An open descriptor while it is looked at. */
struct cr_open_file {
    int fd;
    int same_as; /* lowest descriptor of the same open file description, -1: it is the lowest itself */
    struct stat st;
};

struct cr_fd_collect {
    struct cr_state *state;           /* notes go here: cr_state_add(), cr_state_add_raw() */
    struct cr_arena *scratch;         /* free again when the kind returns */
    struct cr_refusals *refusals;     /* what cannot be saved: cr_refuse() */
    const struct cr_open_file *files; /* all that the process has open, ascending */
    size_t file_count;
};

/*
 * Does a process of the request hold the pipe, socket or terminal that stat() knows by DEVICE and INODE? What it does not hold
 * is the partner of somebody outside.
 */
int cr_fd_is_present(const struct cr_fd_collect *c, uint64_t device, uint64_t inode);

/*
 * An object that several open file descriptions have in common (a pipe, a pair of sockets, the inode of a memfd), made
 * when the first of them is created. DEVICE and INODE are those of the time of the image.
 */
struct cr_fd_object {
    struct cr_fd_object *next;
    uint32_t kind;
    uint64_t device, inode;
    int fds[2];     /* descriptors that keep it alive, -1: none */
    uint64_t value; /* for the kind */
};

struct cr_fd_pool {
    struct cr_arena *arena;
    struct cr_fd_object *first;
    /* The notes of all processes of the request. NULL: there is one process, that of struct cr_fd_create. */
    struct cr_state *const *members;
    size_t member_count;
};

struct cr_fd_create {
    struct cr_state *state;   /* the notes of the process whose descriptor is made */
    struct cr_fd_pool *pool;  /* serves all processes of a request */
    struct cr_arena *scratch; /* not the pool's: free again when the kind returns */
    int floor;                /* numbers from here on are in nobody's way */
    int streams[2];           /* standard input and output of the restarter */
    int alone;      /* 1: the process is restored by itself; 0: with all processes of its request */
    int in_process; /* 1: this is the process itself, with all its memory */
};

/*
 * When finish() is called: those that put another file at a number, then those that duplicate and close descriptors (which
 * would drop locks), then the others.
 */
enum cr_fd_turn { CR_FD_LAST, CR_FD_DUPLICATES, CR_FD_REPLACES };

struct cr_fd_kind {
    uint32_t kind; /* quiesce_image_DescriptorKind */
    /* Is FILE of this kind? LINK: what its link in /proc says. */
    int (*matches)(const struct cr_fd_collect *c, const struct cr_open_file *file,
                   const char *link);
    /*
     * Once for each open file description, D being filled with what is common: adds the kind's own note. NULL: there is
     * none. Takes nothing away from the live object. Returns 0 or a negative code.
     */
    int (*collect)(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err);
    /* Makes the open file description of D. Returns a new descriptor, close-on-exec, or CR_FD_KEEP_STREAM. */
    int (*create)(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err);
    /*
     * Where create() was called, once, when all open file descriptions of all processes of the pool are made: what takes
     * several of them (connections, contents of queues). NULL: nothing.
     */
    int (*complete)(struct cr_fd_pool *pool, struct cr_error *err);
    /*
     * In the restored process, when all its descriptors stand at their numbers and all processes of the request exist:
     * locks, owners, members of an epoll set. NULL: nothing.
     */
    int (*finish)(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err);
    enum cr_fd_turn turn; /* of finish() */
};

/* The kinds in the order in which they are asked whether they match. Ends with NULL. */
extern const struct cr_fd_kind *const cr_fd_kinds[];
const struct cr_fd_kind *cr_fd_kind_find(uint32_t kind);

/* The object, or NULL. */
struct cr_fd_object *cr_fd_pool_find(const struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                     uint64_t inode);
/* A new object without descriptors, or NULL when there is no memory. */
struct cr_fd_object *cr_fd_pool_add(struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                    uint64_t inode);
/* When everything is made, and before cr_fd_pool_close(): calls complete() of all kinds. Returns 0 or a negative code. */
int cr_fd_pool_complete(struct cr_fd_pool *pool, struct cr_error *err);
/* The notes of member I of the request, or NULL behind the last one. */
struct cr_state *cr_fd_member(const struct cr_fd_create *c, size_t i);

/*
 * Decodes into MESSAGE the note of TYPE that a kind wrote about descriptor FD; the message's first field is the number.
 * Returns 0, or a negative code if there is none.
 */
struct pb_msgdesc_s;
int cr_fd_note_find(const struct cr_state *state, uint32_t type, const struct pb_msgdesc_s *fields,
                    int fd, void *message, struct cr_error *err);

/* Closes what the objects hold. */
void cr_fd_pool_close(struct cr_fd_pool *pool);

/* Moves FD to a number from FLOOR on, close-on-exec. Returns the number, or a negative code; FD is closed. */
int cr_fd_raise(int fd, int floor);

/*
 * Calls TAKE with each open file description of the notes that is made anew: D (the descriptor with the lowest number
 * that has it) and FD, which TAKE owns (or CR_FD_KEEP_STREAM). Returns 0 or the first negative code.
 */
typedef int cr_fd_take_fn(void *argument, const quiesce_image_Descriptor *d, int fd,
                          struct cr_error *err);
int cr_descriptors_create(struct cr_fd_create *c, cr_fd_take_fn *take, void *argument,
                          struct cr_error *err);

/* Calls EACH for all descriptors of the notes, in ascending order of their numbers. */
typedef int cr_fd_each_fn(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                          struct cr_error *err);
int cr_descriptors_each(struct cr_state *state, cr_fd_each_fn *each, void *argument,
                        struct cr_error *err);

/* The lowest number above all descriptors of the notes. */
int cr_descriptors_floor(struct cr_state *state, struct cr_error *err);

#endif
