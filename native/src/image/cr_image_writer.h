/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The inside of an image writer, shared by the files that write: cr_image_writer.c (what goes in),
 * cr_image_layout.c (where it lies), cr_image_copy.c (page data), cr_image_seal.c (digests and name).
 */
#ifndef CR_IMAGE_WRITER_H
#define CR_IMAGE_WRITER_H

#include "cr_image.h"

#include <elf.h>
#include <sys/uio.h>

#define CR_IMAGE_PIECE (1UL << 20) /* bytes of one write */
#define CR_IMAGE_WRITERS 4         /* where a caller leaves the choice to us */
#define CR_IMAGE_PART_WRITERS 2    /* of a part, at most */
#define CR_IMAGE_NOTE_ALIGN(x) (((uint64_t)(x) + 3) & ~3UL)

/* An added note: header, name and description as they stand in the file. */
struct cr_note_block {
    struct cr_note_block *next;
    size_t size;
    uint8_t bytes[];
};

struct cr_run_block {
    struct cr_run_block *next;
    const struct cr_run *runs;
    size_t count;
};

/* A place in the runs of a writer. */
struct cr_run_cursor {
    const struct cr_run_block *block; /* NULL: at the end */
    size_t index;
};

struct cr_image_writer {
    struct cr_arena *arena;
    char *path; /* without the suffix */
    char *partial;
    struct cr_image_options options;
    int fd;
    int direct_fd; /* -1: not open; the same file with O_DIRECT */
    struct cr_note_block *first_note;
    struct cr_note_block *last_note;
    size_t notes_size; /* without the digests note */
    struct cr_run_block *first_runs;
    struct cr_run_block *last_runs;
    uint64_t runs_end; /* address behind the last run */
    uint64_t load_count;
    uint64_t notes_offset;   /* from here on: set by cr_layout_plan() */
    uint64_t digests_offset; /* of the description */
    uint64_t data_offset;
    uint64_t data_size;
    struct cr_image_digests *digests;
    size_t digests_size;
    uint64_t reserved; /* size of the file before anything was written */
    uint64_t base;     /* of a part: where it begins in the file */
    int planned;
    int copied;
    int hashed; /* while it was copied */
};

/* Sets offsets, sizes and the empty digests from the notes and runs added. */
int cr_layout_plan(struct cr_image_writer *w, struct cr_error *err);

/* Writes everything before the page data. */
int cr_layout_write(struct cr_image_writer *w, struct cr_error *err);

/* The run at the cursor, or NULL at the end; and one step on. */
const struct cr_run *cr_run_at(const struct cr_run_cursor *c);
void cr_run_advance(struct cr_run_cursor *c);
struct cr_run_cursor cr_run_first(const struct cr_image_writer *w);

/* Writes all of COUNT pieces at OFFSET, going on after short writes. IOV is used up. Returns 0 or a negative code. */
int cr_image_write_at(const struct cr_image_writer *w, int fd, struct iovec *iov, int count,
                      uint64_t offset, struct cr_error *err);

/* The text of a failed write, with the remedy for a full disk. Returns -code. */
int cr_image_write_failed(const struct cr_image_writer *w, int code, uint64_t offset,
                          struct cr_error *err);

/* Creates the file PARTIAL in place of a left-over one, with a high number. Returns it or -errno. */
int cr_image_create(const char *partial);

/* Does the file live in memory? */
int cr_image_in_memory(int fd);

/* The same file as W->fd, but opened again with FLAGS and moved to a high number. Returns it or -errno. */
int cr_image_reopen(const struct cr_image_writer *w, int flags);

#endif
