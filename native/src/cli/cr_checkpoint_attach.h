/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Processes that were not started under cr_run. */
#ifndef CR_CHECKPOINT_ATTACH_H
#define CR_CHECKPOINT_ATTACH_H

#include "cr_error.h"

#include <sys/types.h>

/* Gives process PID an agent if it has none. 0 or a negative code. ARGUMENT is not used. */
int cr_checkpoint_attach(pid_t pid, void *argument, struct cr_error *err);

#endif
