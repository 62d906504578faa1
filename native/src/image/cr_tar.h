/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The tar file around several images: POSIX.1-2001 (pax). Before each image stand CR_TAR_HEAD bytes: an
 * extended header whose comment fills it up, and the header proper, so that every image begins on a page. The manifest
 * comes last with a plain header and is followed by two blocks of zeros.
 */
#ifndef CR_TAR_H
#define CR_TAR_H

#include "cr_error.h"

#include <stdint.h>

#define CR_TAR_BLOCK 512UL
#define CR_TAR_HEAD 4096UL
#define CR_TAR_NAME_MAX 100
#define CR_TAR_UP(x) (((uint64_t)(x) + CR_TAR_BLOCK - 1) & ~(CR_TAR_BLOCK - 1))

struct cr_tar_entry {
    char name[CR_TAR_NAME_MAX + 1];
    uint64_t size;
    uint64_t data; /* bytes from the beginning of the header to the contents */
};

/* The CR_TAR_HEAD bytes before an image of SIZE bytes. NAME: shorter than CR_TAR_NAME_MAX. */
void cr_tar_image_head(uint8_t *out, const char *name, uint64_t size, int64_t mtime);

/* A header of one block, for a member of less than 8 GiB. */
void cr_tar_plain_head(uint8_t *out, const char *name, uint64_t size, int64_t mtime);

/*
 * Understands the header at HEAD, of which SIZE bytes are there. Returns 1; 0 for a block of zeros
 * (the end); -CR_EDAMAGED for what is not as the two functions above write it.
 */
int cr_tar_parse(const uint8_t *head, uint64_t size, struct cr_tar_entry *ret_entry);

#endif
