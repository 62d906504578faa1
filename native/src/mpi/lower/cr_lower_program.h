/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Finds the program that a rank was asked to run, as execvp() would. */
#ifndef CR_LOWER_PROGRAM_H
#define CR_LOWER_PROGRAM_H

#include "cr_error.h"

#include <limits.h>

#define CR_LOWER_SCRIPT_MAX 4 /* interpreters of interpreters: the kernel's limit */

struct cr_lower_program {
    char name[PATH_MAX]; /* what was asked for, found: ps shows its last part */
    char path[PATH_MAX]; /* the ELF file to run: NAME or the interpreter of the script NAME */
    char interpreter[PATH_MAX]; /* its dynamic linker */
    const char *argv0;
    char *prefix[2 * CR_LOWER_SCRIPT_MAX +
                 1]; /* arguments before the program's own: of #! lines, then NAME */
    int prefix_count;
};

/*
 * Looks NAME up in PATH, follows #! lines, and checks that the result is a dynamically linked
 * program for this machine. Fails with -ENOENT, -EACCES, or -ENOEXEC (a program that cannot be run
 * in two halves, the reason in ERR). The strings of RET_PROGRAM are allocated once for the life of
 * the process.
 */
int cr_lower_program_find(const char *name, struct cr_lower_program *ret_program,
                          struct cr_error *err);

#endif
