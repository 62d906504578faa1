/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Reads an image, trusting nothing in it: every count and offset is checked against the bytes left,
 * the CRC of each note and the structure digest before anything is used.
 */
#ifndef CR_IMAGE_READER_H
#define CR_IMAGE_READER_H

#include "cr_image.h"

struct cr_stored_run {
    uint64_t start;
    uint64_t size;
    uint64_t offset; /* in the file, also of an image that is a part of it */
    uint32_t protection;
    uint32_t reserved;
};

struct cr_image_reader {
    int fd;
    uint64_t base;        /* where the image begins in the file */
    uint64_t file_size;   /* of the image */
    const uint8_t *notes; /* in the arena */
    size_t notes_size;
    const struct cr_stored_run *runs; /* with contents only, ascending */
    size_t run_count;
    const struct cr_image_digests *digests;
    size_t digests_size;
};

/*
 * Opens PATH and checks everything but the page data. Returns 0; -CR_ENOTIMAGE, -CR_EDAMAGED, -CR_EIMAGEVERSION,
 * -CR_EINCOMPLETE, or -errno of opening and reading. The reader's tables live in ARENA.
 */
int cr_image_open(struct cr_arena *arena, const char *path, struct cr_image_reader *ret_reader,
                  struct cr_error *err);

/*
 * The same for an image that is the SIZE bytes from BASE (a multiple of the page size) of the file FD, of which the
 * reader gets a duplicate. PATH is for the texts of errors.
 */
int cr_image_open_at(struct cr_arena *arena, int fd, uint64_t base, uint64_t size, const char *path,
                     struct cr_image_reader *ret_reader, struct cr_error *err);
void cr_image_close(struct cr_image_reader *r);

/* Walks the notes: sets the cursor *AT (0 to begin) behind the next QUIESCE note of TYPE. Returns 1 and the message, or 0. */
int cr_image_next_note(const struct cr_image_reader *r, uint32_t type, size_t *at,
                       const void **ret_data, size_t *ret_size);

/* Reads the page data and compares all chunks. Returns 0, -CR_EDAMAGED with the offset in the text, or -errno. */
int cr_image_verify(const struct cr_image_reader *r, struct cr_error *err);

/* What the image is known by, as cr_image_seal() returned it. */
void cr_image_identify(const struct cr_image_reader *r, struct cr_image_record *ret_record);

/*
 * Walks all notes, those of any core file included: sets *AT behind the next one. Returns 1 with its name, type and
 * description (of a QUIESCE note without CRC and length), or 0 at the end.
 */
struct cr_stored_note {
    const char *name;
    int own;       /* a QUIESCE note */
    uint32_t type; /* of a QUIESCE note a NoteType */
    size_t size;
    const void *data;
};
int cr_image_walk_notes(const struct cr_image_reader *r, size_t *at,
                        struct cr_stored_note *ret_note);

#endif
