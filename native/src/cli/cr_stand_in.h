/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_restart in place of the process that it brought back: it passes on signals, and ends as that does. */
#ifndef CR_STAND_IN_H
#define CR_STAND_IN_H

#include <sys/types.h>

/*
 * The names that cr_restart gives itself, for those who look at it (cr_checkpoint): whether it is left out of checkpoints
 * when it is the target or an orphan, always, or never.
 */
#define CR_STAND_IN_MAYBE "cr_restart"
#define CR_STAND_IN_ALWAYS "cr_restart:omit"
#define CR_STAND_IN_NEVER "cr_restart:keep"

/* From now on every signal that can be caught goes to CHILD. */
void cr_stand_in_forward(pid_t child);

/* Waits for CHILD and ends with its status, or by the same signal. */
_Noreturn void cr_stand_in_wait(pid_t child);

#endif
