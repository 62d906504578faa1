/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. All kinds of kernel state, in the order in which they are collected and put back. A kind is one file
 * cr_state_KIND.[ch] with collect (kernel -> message -> note), put back (note -> message -> kernel), and for some kinds a
 * check before a restart. Notes live in the arena of the agent and come back with it.
 */
#ifndef CR_STATE_H
#define CR_STATE_H

#include "cr_arena.h"
#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

struct cr_note {
    uint32_t type; /* quiesce_image_NoteType */
    uint32_t size;
    const void *data; /* encoded message */
    struct cr_note *next;
};

struct cr_range {
    uint64_t start;
    uint64_t end;
};

/* An object in memory, as its mappings in /proc/self/maps have device and inode. */
struct cr_object {
    uint64_t device;
    uint64_t inode;
};

/* What does not belong to the application: the lower half of an MPI rank, descriptors and threads of our own. */
struct cr_foreign {
    const struct cr_range *ranges; /* ascending, not overlapping */
    size_t range_count;
    const int *fds;
    size_t fd_count;
    const struct cr_object
        *elsewhere; /* shared objects whose contents are in the image of another process */
    size_t elsewhere_count;
    int keep_standard_streams; /* 0, 1, 2 belong to the launcher: never reopened, unless they are regular files */
};

/* An open file description that the restarter made: NUMBER here, for the descriptor FD of the image. */
struct cr_inherited {
    int32_t fd;
    int32_t number; /* or CR_FD_KEEP_STREAM */
};

/* As stat() has them. */
struct cr_object_id {
    uint64_t device;
    uint64_t inode;
};

#define CR_KEPT_MAX 64

struct cr_state {
    struct cr_arena *arena;
    struct cr_note *first;
    struct cr_note *last;
    const struct cr_foreign *foreign; /* never NULL */
    /* At a checkpoint of several processes: the pipes, sockets and terminals that the others hold open. */
    const struct cr_object_id *present;
    size_t present_count;
    int in_group;             /* at a checkpoint: other processes are saved with this one */
    struct cr_flight *flight; /* at a checkpoint: descriptors in flight; NULL: nobody looks */
    uint32_t
        tcp_policy; /* quiesce_wire_TcpPolicy; at a checkpoint and, where descriptors are created, at a restart */
    int32_t kept[CR_KEPT_MAX]; /* at a checkpoint: descriptors of connections that are to live on */
    size_t kept_count;
    int old_pid;    /* at restart: the pid in the image */
    int files_rule; /* at restart: cr_policy_files that its user wishes, plus 1; 0: as saved */
    const uint64_t *pinned; /* addresses whose memory is saved, whatever rules say */
    size_t pinned_count;
    /* From the kernel's id of a thread to the one that the application knows, and back. NULL: they are the same. */
    int (*known_tid)(int kernel_tid);
    int (*kernel_tid)(int known_tid);
    /* At restart: all that the process has open is here. NULL: the process makes its descriptors by itself. */
    const struct cr_inherited *inherited;
    size_t inherited_count;
};

/* Appends an encoded message; used by the kinds. FIELDS and MESSAGE are nanopb's. */
struct pb_msgdesc_s;
int cr_state_add(struct cr_state *state, uint32_t type, const struct pb_msgdesc_s *fields,
                 const void *message, struct cr_error *err);

/* Appends a note without a schema of SIZE bytes; RET_DATA is to be filled by the caller, and comes back with the process. */
int cr_state_add_raw(struct cr_state *state, uint32_t type, size_t size, void **ret_data,
                     struct cr_error *err);

/* Decodes NOTE into MESSAGE. Returns 0 or -CR_EDAMAGED. */
int cr_state_decode(const struct cr_note *note, const struct pb_msgdesc_s *fields, void *message,
                    struct cr_error *err);

/*
 * Collects every kind of process-wide state with all application threads parked (areas: cr_memory_collect()). Returns
 * -EAGAIN if a thread got a signal after it had looked for its own: release the threads and stop them again. Refuses (-CR_EREFUSED, object and
 * remedy in the text) what cannot be saved, before anything is written. STATE->first.. hold the notes afterwards.
 */
int cr_state_collect(struct cr_state *state, struct cr_error *err);

/* After a checkpoint, in the process that goes on: gives back what was mapped so that it would be saved. */
void cr_descriptors_release(const struct cr_state *state);

/*
 * In the restored process, by the agent, with all threads parked: puts everything back from STATE->first... Descriptors
 * that are neither in the notes nor in FOREIGN are closed, but for 0, 1, 2 and, where FOREIGN has ranges (an MPI rank), all
 * others. Signals that were pending for single threads are put back by cr_signals_put_back_thread().
 */
int cr_state_put_back(struct cr_state *state, struct cr_error *err);

/*
 * Afterwards, when all processes that were saved together stand: what refers to other processes, timers, and the signals
 * that were pending for the process.
 */
int cr_state_complete(struct cr_state *state, struct cr_error *err);

/* When all processes have done that: looks for what one of them puts back for another. */
int cr_state_verify(struct cr_state *state, struct cr_error *err);

/*
 * The last of all, when the agent has become who it was: that changes what must be set again. By the agent.
 */
int cr_state_finish(struct cr_state *state, struct cr_error *err);

#endif
