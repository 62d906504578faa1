/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the threads saved of themselves, looked at by the agent. */
#ifndef CR_DUMP_THREADS_H
#define CR_DUMP_THREADS_H

#include "cr_state.h"

/* With all threads parked: the agent's own attributes, and what no restart could give back to a thread. */
int cr_dump_threads_collect(struct cr_state *state, struct cr_error *err);

/* See cr_dump_finish(). */
int cr_dump_threads_finish(struct cr_error *err);

#endif
