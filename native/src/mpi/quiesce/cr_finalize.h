/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. MPI_Init and MPI_Finalize. Finalize waits for all ranks before it is past the point of no return, in a
 * barrier that a checkpoint may interrupt: in an image it is "begun here", and after a restart it is begun again.
 */
#ifndef CR_FINALIZE_H
#define CR_FINALIZE_H

#include "cr_error.h"

/* On the agent's thread, in a new lower half: begins the barrier again if this rank had begun it. */
int cr_finalize_rebuild(struct cr_error *err);

#endif
