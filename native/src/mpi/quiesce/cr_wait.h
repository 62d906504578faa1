/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Waiting that ends when a checkpoint stops the threads, and goes on afterwards. FS: the upper half's. */
#ifndef CR_WAIT_H
#define CR_WAIT_H

#include "cr_request.h"

/* Returns when REQUEST is not active any more. It may be on the caller's stack. Inside wrappers only. */
void cr_wait_one(struct cr_request *request);

/* One look at REQUEST. Returns 1 if it is not active any more. */
int cr_wait_test(struct cr_request *request);

/* The caller waits for what the upper half ends (CR_REQUEST_UPPER): one look, progress for others, another thread's turn. */
void cr_wait_upper(int block);

/*
 * What is behind a call's loop of Tests that the gate word has interrupted: parks if a stop is in progress, otherwise tells
 * the clock that this rank waits for PEER of COMM.
 */
void cr_wait_interrupted(MPI_Comm comm, int peer);
/* The same in a call that waits for REQUEST, which is active, and for nothing else. */
void cr_wait_interrupted_for(const struct cr_request *request);

/* Gives the application the end of a DONE request: status (NULL: ignored; MPI_ERROR left alone), handle to null or
 * inactive. Returns the code, through the communicator's error handler. */
int cr_wait_take(MPI_Request *request, MPI_Status *status, const char *name);
/* Its two halves: a generalized request's status is asked for; the rest. */
void cr_wait_query(struct cr_request *request);
int cr_wait_give(MPI_Request *request, MPI_Status *status, const char *name);

#endif
