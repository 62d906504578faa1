/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What a job asks for by --checkpoint, --checkpoint-dir and --restart-dir, or by the variables in their place. */
#ifndef CR_SLURM_WISHES_H
#define CR_SLURM_WISHES_H

#include <limits.h>

enum cr_slurm_when {
    CR_SLURM_UNASKED, /* on request only */
    CR_SLURM_EVERY,   /* again and again */
    CR_SLURM_SIGNAL,  /* at SIGUSR1 or SIGTERM, which end the job */
    CR_SLURM_END,     /* the same, and before the job's time is over */
};

enum cr_slurm_option {
    CR_SLURM_CHECKPOINT,
    CR_SLURM_CHECKPOINT_DIR,
    CR_SLURM_RESTART_DIR,
    CR_SLURM_OPTIONS,
};

struct cr_slurm_wishes {
    int given[CR_SLURM_OPTIONS];
    enum cr_slurm_when when;
    long seconds; /* CR_SLURM_EVERY: between two checkpoints; CR_SLURM_END: before the end */
    char dir[PATH_MAX];
    char restart_dir[PATH_MAX];
};

/* One line, without the name of a program. */
struct cr_slurm_refusal {
    char text[PATH_MAX + 256];
};

/*
 * Takes the value of an option, which NAME calls as the user knows it. A relative directory counts from the working directory.
 * 0, or -1 with what is wrong.
 */
int cr_slurm_wishes_take(struct cr_slurm_wishes *wishes, enum cr_slurm_option option,
                         const char *name, const char *value, struct cr_slurm_refusal *refusal);

/* Takes those options that were not given from these variables of the environment (NULL: no variable). */
int cr_slurm_wishes_take_variables(struct cr_slurm_wishes *wishes,
                                   const char *const variables[CR_SLURM_OPTIONS],
                                   struct cr_slurm_refusal *refusal);

/* Whether the options fit together. */
int cr_slurm_wishes_check(const struct cr_slurm_wishes *wishes, struct cr_slurm_refusal *refusal);

int cr_slurm_wishes_any(const struct cr_slurm_wishes *wishes);

#endif
