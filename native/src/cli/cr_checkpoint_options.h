/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The command line of cr_checkpoint. */
#ifndef CR_CHECKPOINT_OPTIONS_H
#define CR_CHECKPOINT_OPTIONS_H

#include "cr_error.h"

#include <limits.h>
#include <sys/types.h>

#define CR_CHECKPOINT_USAGE 255

struct cr_checkpoint_options {
    pid_t pid;
    char file[PATH_MAX]; /* absolute */
    int signal;
    int no_clobber;
    int durable;
    int timeout_seconds;
    int dry_run;
    int json;
    int verbose;
    int quiet;
};

/* Returns 0 or -CR_EUSAGE or -errno; prints and exits by itself for --help and --version. */
int cr_checkpoint_parse(int argc, char **argv, struct cr_checkpoint_options *ret_options,
                        struct cr_error *err);

/* TEXT as a JSON string, or null. */
void cr_checkpoint_print_json_text(const char *text);

#endif
