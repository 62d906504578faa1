/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. One image of this process, step by step, by the agent with all other threads
 * parked.
 */
#ifndef CR_DUMP_H
#define CR_DUMP_H

#include "cr_cpu.h"
#include "cr_fd_flight.h"
#include "cr_image.h"
#include "cr_state.h"
#include "cr_state_memory.h"

/* What an MPI rank adds: the encoded Rank note is written as it stands. */
struct cr_dump {
    struct cr_arena arena;
    struct cr_foreign foreign;
    struct cr_state state; /* what the agent puts back after a restart */
    struct cr_state notes; /* what the restorer reads: Header, Host, Threads, Rank */
    struct cr_memory memory;
    struct cr_flight flight;
    struct cr_image_writer *writer;
    struct cr_image_ready ready; /* fd: to be counted among the foreign ones */
    struct cr_cpu cpu;
    uint8_t boot_id[16];
    int host_known;                   /* cleared by a restart: it may be on another host */
    const struct cr_rank_facts *rank; /* NULL: not a rank */
    int collected;
};

/* The Rank note; see image.proto. */
struct cr_rank_facts {
    uint32_t rank, size, sequence, thread_level;
    int initialized;
    uint64_t upper_end, fake_vdso, brk_variable;
    const char *job;
};

/* Reserves memory. Once. */
int cr_dump_init(struct cr_dump *d);

/*
 * Before the threads are stopped: makes the file (not with an empty PATH) and the memory ready, and
 * asks the CPU, so that the pause is shorter. Only the next cr_dump_copy() to this PATH may follow,
 * or cr_dump_abort().
 */
void cr_dump_prepare(struct cr_dump *d, const char *path, const struct cr_image_options *options);

/* Forgets the notes of the last image; FOREIGN (copied, not deep) says what is not ours. */
void cr_dump_begin(struct cr_dump *d, const struct cr_foreign *foreign);

/* When the image has all, or will not be: what was added to the process to be saved goes again. */
void cr_dump_release(struct cr_dump *d);

/*
 * Takes what is in flight between the processes of the checkpoint into this one until cr_dump_release(), so that the others and
 * the requester see it. When all of them stand still, after cr_dump_begin() and before anything is collected.
 */
int cr_dump_gather(struct cr_dump *d, struct cr_error *err);

/*
 * Collects kernel state and areas; every refusal (-CR_EREFUSED) is made here, before anything is
 * written.
 */
int cr_dump_collect(struct cr_dump *d, struct cr_error *err);

/*
 * For an image that becomes a part of a file (OPTIONS->part; PATH names it in errors): finds the
 * pages and says how large the image will be, exactly. Then cr_dump_place() and cr_dump_copy().
 */
int cr_dump_layout(struct cr_dump *d, const char *path, const struct cr_image_options *options,
                   uint64_t *ret_size, struct cr_error *err);
/* FD becomes the dump's. */
void cr_dump_place(struct cr_dump *d, int fd, uint64_t offset);

/* Finds the pages and says how many bytes would be saved; D->memory.left_out says how many would not. */
int cr_dump_measure(struct cr_dump *d, uint64_t *ret_bytes, struct cr_error *err);

/*
 * Finds the pages and copies everything into PATH.partial. The calling thread must have saved its
 * context in the first record of cr_freeze_threads() before. RET_BYTES: of page data.
 */
int cr_dump_copy(struct cr_dump *d, const char *path, const struct cr_image_options *options,
                 uint64_t *ret_bytes, struct cr_error *err);

/* Checksums, sync, final name; threads run meanwhile. */
int cr_dump_seal(struct cr_dump *d, struct cr_image_record *ret_record, struct cr_error *err);

/* In a child of fork(): the image is the parent's. */
void cr_dump_forked(struct cr_dump *d);

/* Removes what was written and is not sealed. */
void cr_dump_abort(struct cr_dump *d);

/* In the restored process: puts all kernel state back that it can put back by itself. */
int cr_dump_put_back(struct cr_dump *d, const struct cr_foreign *foreign, struct cr_error *err);

/* Afterwards, when all processes that were saved together are there: the rest. */
int cr_dump_complete(struct cr_dump *d, struct cr_error *err);

/*
 * In the restored process, when nothing is left that needs a right: whether every thread has become who it was, and the
 * agent's own turn. It may open nothing afterwards that the program could not.
 */
int cr_dump_finish(struct cr_dump *d, struct cr_error *err);

#endif
