/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Where a checkpoint goes: a file, a new directory, or a stream (a FIFO, a socket, a device, an open
 * descriptor). The image is first written under a name of its own beside its destination; committing it gives it its name
 * in one step, or copies it into the stream. A failure leaves what was there before as it was.
 */
#ifndef CR_OUTPUT_H
#define CR_OUTPUT_H

#include "cr_error.h"

#include <limits.h>
#include <sys/types.h>

/* What becomes of an old file of that name. */
enum { CR_OUTPUT_ATOMIC, CR_OUTPUT_BACKUP, CR_OUTPUT_CLOBBER, CR_OUTPUT_NOCLOBBER };

struct cr_output_options {
    const char *file; /* NULL: context.ID in the working directory */
    const char *directory;
    int fd; /* -1: none */
    int replace;
    const char *backup; /* name of the backup; NULL: FILE.~N~ */
    int durable;
    pid_t id;
};

enum { CR_OUTPUT_FILE, CR_OUTPUT_DIRECTORY, CR_OUTPUT_STREAM };

struct cr_output {
    const struct cr_output_options *options;
    int (*interrupt)(void);
    int kind;
    int stream;            /* CR_OUTPUT_STREAM: where it is copied to */
    char name[PATH_MAX];   /* absolute name of the file or directory; what a stream is called */
    char work[PATH_MAX];   /* absolute name under which the image is written */
    char folder[PATH_MAX]; /* CR_OUTPUT_DIRECTORY: the directory until it has its name */
};

/*
 * Checks all that can be checked before, and makes what the image is written into. INTERRUPT is asked while
 * it waits for others: a code of an error ends that, 0 does not. Returns 0 or a negative code.
 */
int cr_output_open(const struct cr_output_options *options, int (*interrupt)(void),
                   struct cr_output *ret_output, struct cr_error *err);

/* The image at OUTPUT->work is complete: gives it its name, or copies it. Returns 0 or a negative code. */
int cr_output_commit(struct cr_output *output, struct cr_error *err);

/* Removes what is left of an image that failed. */
void cr_output_discard(struct cr_output *output);

#endif
