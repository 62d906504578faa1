/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A small image for tests, with every kind of run and known contents. */
#ifndef IMAGE_SAMPLE_H
#define IMAGE_SAMPLE_H

#include "cr_image_reader.h"

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_PAGES 8

/* Eight pages of memory: 0 and 1 with contents, 2 zero, 3 with contents, 4 unreadable with contents, 5 to 7 unused. */
struct sample {
    uint8_t *memory;
    struct cr_run runs[4];
};

/* Maps the memory; exits on failure. */
void sample_create(struct sample *s);
void sample_destroy(struct sample *s);

/* Writes the sample to PATH. Returns 0 or the negative code of the step that failed, text in ERR. */
int sample_write(const struct sample *s, const char *path, int durable,
                 struct cr_image_record *ret_record, struct cr_error *err);

/* The same for an image of RUNS that has no note but a header. */
int sample_write_runs(const struct cr_run *runs, size_t count, const char *path,
                      const struct cr_image_options *options, struct cr_image_record *ret_record,
                      struct cr_error *err);

/* Adds a header note of FORMAT_VERSION. */
int sample_add_header(struct cr_image_writer *w, uint32_t format_version, struct cr_error *err);

/* A new empty directory under the build folder or /tmp; the caller removes what it puts there. */
const char *sample_directory(void);

#endif
