/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Conditions that a process has to be started with, because they cannot be changed
 * later: no unlimited stack and no compat layout (both make the kernel search for free addresses
 * bottom-up), nothing preloaded into the lower half. Where they do not hold, the process executes
 * itself again with them, and the application gets its own values back.
 */
#ifndef CR_LOWER_CONDITIONS_H
#define CR_LOWER_CONDITIONS_H

#include "cr_error.h"

/* Returns 0 if this process is as it should be; otherwise executes itself with ARGV and returns
 * only on failure. */
int cr_lower_conditions_meet(char **argv, struct cr_error *err);

/* Gives the application the stack limit and personality that it was started with. Right before it
 * is entered. */
void cr_lower_conditions_give_back(void);

/* 1 if the stack limit that the application was started with is "unlimited". */
int cr_lower_conditions_unlimited_stack(void);

#endif
