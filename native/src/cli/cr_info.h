/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What cr_info prints about an image, as a table and as JSON. */
#ifndef CR_INFO_H
#define CR_INFO_H

#include "cr_image_reader.h"

#include <pb_decode.h>
#include <stdio.h>

struct cr_info_options {
    int json;
    int verify;
    int maps;
    const char *unpack; /* directory; NULL: print */
};

/* An image and what is asked for more than once. */
struct cr_info {
    const char *path;
    const struct cr_image_reader *reader;
    const struct cr_info_options *options;
    uint64_t stored; /* bytes of memory in the image */
    char **files;    /* paths of the mapped files, in the order of their notes */
    size_t file_count;
};

/* The next message of TYPE behind *AT (0 to begin) into MESSAGE. Returns 1, or 0 at the end and for a note that cannot be decoded. */
int cr_info_next(const struct cr_info *info, uint32_t type, const pb_msgdesc_t *fields, size_t *at,
                 void *message);

/* The first message of TYPE. Returns 1 or 0. */
int cr_info_first(const struct cr_info *info, uint32_t type, const pb_msgdesc_t *fields,
                  void *message);

/* Path of a mapped file by its number in an area, or "". */
const char *cr_info_file(const struct cr_info *info, uint32_t number);

/* Bytes of the range that are stored in the image. */
uint64_t cr_info_stored(const struct cr_info *info, uint64_t start, uint64_t end);

/* Words for the kinds of image.proto. */
const char *cr_info_area_words(unsigned kind);
const char *cr_info_descriptor_words(unsigned kind);
const char *cr_info_note_words(unsigned type);

/* Notes of the first of these types have a table of their own. */
#define CR_INFO_FIRST_OTHER 14

/* The smallest type of our notes above AFTER, how many there are and their size; 0: none. */
unsigned cr_info_next_kind(const struct cr_info *info, unsigned after, size_t *ret_count,
                           uint64_t *ret_bytes);

void cr_info_print_table(FILE *out, const struct cr_info *info);
void cr_info_print_json(FILE *out, const struct cr_info *info);

#endif
