/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Starting receives. */
#ifndef CR_RECEIVE_H
#define CR_RECEIVE_H

#include "cr_request.h"

/*
 * Starts REQUEST (buffer, count, datatype, peer, tag, comm are filled in): from the queue of drained messages if one
 * matches, then it is DONE; otherwise it is posted and active. Returns the MPI code of posting.
 */
int cr_receive_start(struct cr_request *request);

/* Posts an active receive in a new lower half. Returns the MPI code. */
int cr_receive_repost(struct cr_request *request);

#endif
