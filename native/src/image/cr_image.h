/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. An image on disk: an ELF core file.
 *
 *   ELF header, program headers (PT_NOTE, then PT_LOAD in ascending order of address), notes, padding to a page,
 *   page data. A run of pages with contents is a PT_LOAD with p_filesz == p_memsz and a page-aligned offset; a run
 *   that reads as zero is part of a PT_LOAD with p_filesz < p_memsz. More than 65,534 program headers: PN_XNUM, the
 *   count in section header 0.
 *
 * Notes with the name "CORE" and "LINUX" are those of any core file. Notes with the name "QUIESCE" carry kernel state
 * (image.proto); their description is: u32 CRC-32C (cr_crc32c.h) of what follows, u32 length, the protobuf message.
 * Their type in the file is CR_NOTE_TYPE_BASE + NoteType: gdb and readelf look at small types without looking at the
 * name. Functions take and give the NoteType alone.
 * The note NOTE_DIGESTS is raw: struct cr_image_digests, then one XXH3-64 per CR_DIGEST_CHUNK bytes of page data; it is
 * filled in when the image is sealed.
 */
#ifndef CR_IMAGE_H
#define CR_IMAGE_H

#include "cr_arena.h"
#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

#define CR_IMAGE_FORMAT 1
#define CR_NOTE_NAME "QUIESCE"
#define CR_NOTE_TYPE_BASE 0x51530000U
#define CR_DIGEST_CHUNK (1UL << 20)
#define CR_PARTIAL_SUFFIX ".partial"

struct cr_image_digests {
    uint32_t crc; /* CRC-32C of the rest of this note */
    uint32_t sealed;
    uint64_t data_offset; /* in the file; a multiple of the page size */
    uint64_t data_size;
    uint64_t chunk; /* CR_DIGEST_CHUNK */
    /* XXH3-128 of everything before data_offset but this note's description */
    uint64_t structure_low;
    uint64_t structure_high;
    uint64_t chunks[]; /* XXH3-64 of each chunk; the last one may be shorter */
};

/* A piece of address space in the image, ascending, not overlapping. */
struct cr_run {
    uint64_t start;
    uint64_t size;       /* multiple of the page size */
    uint32_t protection; /* PROT_* of its area, for p_flags */
    uint32_t source;     /* one of CR_RUN_* */
};
enum {
    CR_RUN_MEMORY,     /* copied */
    CR_RUN_UNREADABLE, /* copied through /proc/self/mem */
    CR_RUN_ZERO        /* a hole */
};

/*
 * A file that was made before the threads were stopped, so that the pause is shorter. fd < 0: none;
 * the descriptor is not the application's.
 */
struct cr_image_ready {
    int fd;
    uint64_t reserved; /* bytes */
    const char *path;
};

struct cr_image_options {
    int durable; /* fsync file and directory; O_DIRECT in parallel where the file system takes it */
    int writers; /* threads that write a durable image; 0: choose */
    int (*is_cancelled)(void *argument); /* NULL, or asked now and then whether to give up */
    void *argument;
    struct cr_image_ready *ready; /* NULL, or the file of this path, which the writer takes over */
    int part; /* the image is a part of a file that another one creates, syncs and names */
};

struct cr_image_writer; /* lives in the arena given to cr_image_begin() */

/* What a finished image is known by. */
struct cr_image_record {
    uint64_t bytes;
    /* XXH3-128 of the description of NOTE_DIGESTS: covers structure and data */
    uint64_t digest_low;
    uint64_t digest_high;
};

/*
 * Creates PATH.partial as cr_image_begin() does and, where the file lives in memory or the image is
 * to be durable, reserves SIZE bytes, which is taken from what the copy would cost. A failure is
 * none: RET_READY is empty then, and the writer meets the same one. PATH must stay.
 */
void cr_image_make_ready(const char *path, const struct cr_image_options *options, uint64_t size,
                         struct cr_image_ready *ret_ready);

/* Removes the file if no writer has taken it over. */
void cr_image_drop_ready(struct cr_image_ready *ready);

/*
 * Creates PATH.partial (mode 0600, replacing a left-over one) and a writer in ARENA. Returns 0 or a negative code:
 * whatever open gives, text in ERR. Nothing is left behind on failure.
 */
int cr_image_begin(struct cr_arena *arena, const char *path, const struct cr_image_options *options,
                   struct cr_image_writer **ret_writer, struct cr_error *err);

/* Adds a note; NAME "CORE", "LINUX" or CR_NOTE_NAME (then the CRC and length are put before DATA by this function). */
int cr_image_add_note(struct cr_image_writer *w, const char *name, uint32_t type, const void *data,
                      size_t size, struct cr_error *err);

/*
 * Adds runs; may be called several times, in ascending order of address. Runs that lie in the arena are used in place
 * and must stay until the copy; others are copied into it.
 */
int cr_image_add_runs(struct cr_image_writer *w, const struct cr_run *runs, size_t count,
                      struct cr_error *err);

/* Settles where everything lies, when all notes and runs are added. RET_SIZE: exactly that of the image. */
int cr_image_plan(struct cr_image_writer *w, uint64_t *ret_size, struct cr_error *err);

/* Where a part goes: into FD, which becomes the writer's, from OFFSET (a multiple of the page size) on. */
void cr_image_place(struct cr_image_writer *w, int fd, uint64_t offset);

/* Writes everything; the memory of the runs is not looked at any more after this returned 0. */
int cr_image_copy(struct cr_image_writer *w, struct cr_error *err);

/* Checksums from the file, sync, rename to PATH, sync of the directory. The application runs meanwhile. */
int cr_image_seal(struct cr_image_writer *w, struct cr_image_record *ret_record,
                  struct cr_error *err);

/*
 * Seals an image at BASE in FD (open for reading and writing) whose writer has ended after it had
 * copied everything; PATH is for texts. Cutting, syncing and naming the file are left to the caller.
 */
int cr_image_finish(struct cr_arena *arena, int fd, uint64_t base, const char *path,
                    struct cr_image_record *ret_record, struct cr_error *err);

/* Closes what this process has open of it, and leaves the file to another process. W may be NULL. */
void cr_image_forget(struct cr_image_writer *w);

/* Closes and removes PATH.partial; for every way out that is not a successful seal. W may be NULL. */
void cr_image_abort(struct cr_image_writer *w);

#endif
