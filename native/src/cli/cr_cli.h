/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the commands share. */
#ifndef CR_CLI_H
#define CR_CLI_H

#include <stddef.h>
#include <stdint.h>

/* The folder of the running program, without a slash at its end. Returns 0 or -1. */
int cr_cli_own_folder(char *out, size_t size);

/* The number of a signal by number or name (TERM, SIGTERM); -1: none. */
int cr_cli_signal(const char *text);

/* "1.4 MiB" */
void cr_cli_bytes(uint64_t bytes, char *out, size_t size);

#endif
