/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Whom a request really means: cr_restart stands in for a process, so a request for cr_restart is one for
 * that process; and cr_checkpoint itself may run among its targets.
 */
#ifndef CR_CHECKPOINT_TARGET_H
#define CR_CHECKPOINT_TARGET_H

#include "cr_checkpoint_options.h"

#define CR_CHECKPOINT_OMITTED 256

struct cr_checkpoint_target {
    int scope;
    pid_t target;
    pid_t omitted[CR_CHECKPOINT_OMITTED]; /* stand-ins that are no part of the checkpoint */
    size_t omitted_count;
};

void cr_checkpoint_find_target(const struct cr_checkpoint_options *o,
                               struct cr_checkpoint_target *ret_target);

/*
 * If this process is one of the targets it must have a checkpoint agent like all of them: then the program begins anew
 * with one, and this does not return.
 */
void cr_checkpoint_join_targets(const struct cr_checkpoint_options *o, char **argv);

#endif
