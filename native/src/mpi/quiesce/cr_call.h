/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the threads of this rank are doing in MPI, for those who ask what a checkpoint waits for. */
#ifndef CR_CALL_H
#define CR_CALL_H

#include "cr_rank.h"

/*
 * Calls in progress, the first of many threads only; valid until it is called again. On the agent's thread while the
 * application runs: what it says may be over by now.
 */
void cr_call_report(struct cr_collective_report *ret_report);

#endif
