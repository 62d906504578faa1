/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A program started anew as the upper half of this process. */
#ifndef CR_LOWER_START_H
#define CR_LOWER_START_H

#include "cr_error.h"

/* Runs ARGV[0] with its arguments in this process; returns only on failure, with nothing of the
 * program having run. */
int cr_lower_start(char **argv, struct cr_error *err);

#endif
