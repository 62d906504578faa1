/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A round with one process: what cr_checkpoint does. */
#ifndef CR_SINGLE_H
#define CR_SINGLE_H

#include "cr_error.h"

#include <stdint.h>
#include <sys/types.h>

struct cr_single_options {
    pid_t pid;
    const char *file; /* absolute */
    int durable;
    int signal;     /* sent after the checkpoint; 0: none */
    int early;      /* the signal comes before the process goes on */
    int dry_run;    /* stop, say what would be refused, go on */
    int timeout_ms; /* for all of it; 0: none */
    int cancel_fd;  /* readable: cancel; -1: none */
    /* Called when a phase begins; may be NULL. */
    void (*progress)(const char *phase, void *argument);
    void *argument;
    /* Called when the image is complete, before the signal is sent; a failure is one of all. May be NULL. */
    int (*commit)(void *argument, struct cr_error *err);
    void *commit_argument;
};

struct cr_single_result {
    uint64_t pause_micros; /* from the order to stop until threads ran again */
    uint64_t stop_micros;  /* of which: until all stood still and state was collected */
    uint64_t dump_micros;
    uint64_t seal_micros;
    uint64_t data_bytes;
    uint64_t file_bytes;
    uint64_t digest_low, digest_high;
};

/*
 * Returns 0 or a negative code; after a failure the process runs on and nothing is left of the
 * file.
 */
int cr_single_checkpoint(const struct cr_single_options *options,
                         struct cr_single_result *ret_result, struct cr_error *err);

#endif
