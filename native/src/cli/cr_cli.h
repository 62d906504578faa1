/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the commands share. */
#ifndef CR_CLI_H
#define CR_CLI_H

#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The folder of the running program, without a slash at its end. Returns 0 or -1. */
int cr_cli_own_folder(char *out, size_t size);

/* Where library NAME lies, seen from the folder of the running program. Returns 0 or -1. */
int cr_cli_library(const char *name, char *out, size_t size);

/*
 * The value of LD_PRELOAD with FIRST (may be NULL) in front and without any other library of ours; what else is preloaded
 * stays in its order. Returns 0, or -1 if there is no memory.
 */
int cr_cli_set_preload(const char *first);

/* The number of a signal by number or name (TERM, SIGTERM); -1: none. */
int cr_cli_signal(const char *text);

/* Words of --files and --tcp, in the order of FilesPolicy and TcpPolicy in wire.proto. */
extern const char *const cr_cli_files_words[3];
extern const char *const cr_cli_tcp_words[3];
enum { CR_CLI_TCP_CLOSE, CR_CLI_TCP_ERROR, CR_CLI_TCP_RESTORE };

/* The index of getopt's optarg in three WORDS. Returns 0, or -EINVAL with ERR naming OPTION. */
int cr_cli_choose(const char *option, const char *const *words, int *ret_choice,
                  struct cr_error *err);

/* "1.4 MiB" */
void cr_cli_bytes(uint64_t bytes, char *out, size_t size);

/* TEXT as a JSON string, or null. Bytes that are not UTF-8 are taken as Latin-1, so that it is always valid. */
void cr_cli_json(FILE *out, const char *text);

/* When the log of a request is shown. */
enum { CR_CLI_LOG_NONE, CR_CLI_LOG_ERROR, CR_CLI_LOG_WARNING };

/* Adds a line to the log of this request; the type fits the callbacks of the engines. */
void cr_cli_log(const char *line, void *unused);

/* Shows the log on standard error, each line behind "- ". */
void cr_cli_show_log(int when, int failed);

#endif
