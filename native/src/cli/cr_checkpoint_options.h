/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The command line of cr_checkpoint. */
#ifndef CR_CHECKPOINT_OPTIONS_H
#define CR_CHECKPOINT_OPTIONS_H

#include "cr_cli.h"
#include "cr_error.h"
#include "cr_output.h"

#include <sys/types.h>

#define CR_CHECKPOINT_USAGE 255
#define CR_CHECKPOINT_EXCLUDES 64

/* Which processes; the numbers are those of libcr.h. */
enum { CR_TARGET_PROC = 0, CR_TARGET_PGRP = 1, CR_TARGET_SESS = 2, CR_TARGET_TREE = 3 };

/* What of mapped files goes into the image beside changed pages, as SaveFlags in wire.proto. */
enum { CR_SAVE_EXE = 1, CR_SAVE_PRIVATE = 2, CR_SAVE_SHARED = 4 };

/* What becomes of a target that is traced, or that traces others. */
enum { CR_TRACED_ERROR, CR_TRACED_SKIP, CR_TRACED_ALLOW };

struct cr_checkpoint_options {
    int scope;
    pid_t target;
    struct cr_output_options output;
    int signal;
    int early; /* the signal comes before the processes go on */
    int save;
    int files; /* index into cr_cli_files_words */
    int tcp;   /* index into cr_cli_tcp_words */
    int traced;
    int tracer;
    int log; /* CR_CLI_LOG_* */
    int timeout_seconds;
    int dry_run;
    int json;
    int verbose;
    int quiet;
    const char *excludes[CR_CHECKPOINT_EXCLUDES];
    int exclude_count;
    const char *path_rules[CR_CHECKPOINT_EXCLUDES]; /* --files POLICY:PATTERN */
    int path_rule_count;
    int keep_dontdump;
};

/* Returns 0 or -CR_EUSAGE or -errno; prints and exits by itself for --help and --version. */
int cr_checkpoint_parse(int argc, char **argv, struct cr_checkpoint_options *ret_options,
                        struct cr_error *err);

#endif
