/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The command line of cr_restart. */
#ifndef CR_RESTART_OPTIONS_H
#define CR_RESTART_OPTIONS_H

#include "cr_cli.h"
#include "cr_error.h"

#define CR_RESTART_RELOCATIONS 64

/* Should cr_restart itself be part of later checkpoints? */
enum { CR_OMIT_MAYBE, CR_OMIT_ALWAYS, CR_OMIT_NEVER };

/* Commands for the ways it can end. */
enum {
    CR_HOOK_SUCCESS,
    CR_HOOK_FAIL_ARGS,
    CR_HOOK_FAIL_TEMP,
    CR_HOOK_FAIL_ENV,
    CR_HOOK_FAIL_PERM,
    CR_HOOK_COUNT
};

/* The old ids: the default takes them where the kernel permits. */
enum { CR_IDS_DEFAULT, CR_IDS_OLD, CR_IDS_NEW };

struct cr_relocation {
    char *from; /* absolute, without a slash at its end */
    char *to;
};

struct cr_restart_options {
    const char *file;
    const char *directory;
    int fd; /* -1: none */
    int signal;
    int pid; /* CR_IDS_* */
    int pgid;
    int sid;
    int pid_namespace;
    int omit;
    int log;
    int files; /* index into cr_cli_files_words; -1: as the image has it */
    int tcp;   /* index into cr_cli_tcp_words; -1: as the image has it */
    int check_only;
    int no_check_files;
    int quiet;
    const char *hooks[CR_HOOK_COUNT];
    struct cr_relocation relocations[CR_RESTART_RELOCATIONS];
    int relocation_count;
};

/*
 * Returns 0, -CR_EUSAGE, -EINVAL; options before and after a bad one are taken. Prints and exits by
 * itself for --help and --version.
 */
int cr_restart_parse(int argc, char **argv, struct cr_restart_options *ret_options,
                     struct cr_error *err);

/* The exit status for a failure, and which hook is run for it. */
int cr_restart_status(int code);
int cr_restart_hook(int code);

#endif
