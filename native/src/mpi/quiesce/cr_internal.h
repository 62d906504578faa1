/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Real communicators of our own: never seen by the application, their traffic is not counted. Made at the
 * end of MPI_Init and anew in each lower half.
 */
#ifndef CR_INTERNAL_H
#define CR_INTERNAL_H

#include "cr_stub.h"

extern MPI_Comm cr_internal_drain;    /* duplicate of the world, for the drain */
extern MPI_Comm cr_internal_finalize; /* duplicate of the world, for the barrier in MPI_Finalize */
extern MPI_Comm cr_internal_sync;     /* duplicate of the world, for synchronous sends */
extern MPI_Comm cr_internal_self; /* duplicate of MPI_COMM_SELF, for deliveries from the queue */
extern int cr_internal_rank, cr_internal_size;

/* Collective over the world. FS: the upper half's. Returns the MPI code. */
int cr_internal_make(void);

/*
 * Sleeps while *WORD, a futex, is VALUE, and lets MPI make progress now and then: what other ranks wait for may need this
 * one, though it has done its part of it (a large message, a collective begun without waiting). FS: the upper half's.
 */
void cr_internal_progress_while(volatile uint32_t *word, uint32_t value);

#endif
