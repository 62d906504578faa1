/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Starting "quiesce run" in the place of a launcher. */
#ifndef CR_SLURM_START_H
#define CR_SLURM_START_H

#include "cr_slurm_wishes.h"

#include <stddef.h>

/* Where the options of sbatch, salloc or srun are found by what runs inside. */
extern const char *const cr_slurm_start_variables[CR_SLURM_OPTIONS];

/* Those that srun had before it lost these options. */
extern const char *const cr_slurm_start_old_variables[CR_SLURM_OPTIONS];

/* Set for what runs under "quiesce run". */
int cr_slurm_start_is_under(void);

/* The root of the installation that FILE is in, LEVELS folders up from the file's own. 0 or -1. */
int cr_slurm_start_prefix(const char *file, int levels, char prefix[PATH_MAX]);

/* Writes the interval as "quiesce run" reads it, and returns 1; 0 if none is asked for. */
int cr_slurm_start_interval(const struct cr_slurm_wishes *wishes, char *text, size_t size);

/*
 * The words of "quiesce run" for a job that the words LAUNCHER start, ended by NULL like these; NULL: no memory. The words of
 * the launcher are not copied.
 */
char **cr_slurm_start_words(const char *prefix, const struct cr_slurm_wishes *wishes,
                            char *const launcher[]);

/* Becomes that command, for which the wishes are fulfilled. Returns only if it cannot be started, with why. */
void cr_slurm_start(const char *prefix, const struct cr_slurm_wishes *wishes,
                    char *const launcher[], struct cr_slurm_refusal *refusal);

#endif
