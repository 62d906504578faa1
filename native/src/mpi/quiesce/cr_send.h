/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Starting sends. */
#ifndef CR_SEND_H
#define CR_SEND_H

#include "cr_request.h"

/*
 * Starts REQUEST (comm, peer and tag are filled in) by START, one of the real Isend family, and counts the message. The
 * request is then active, or DONE. Returns the MPI code; after an error nothing was started.
 */
int cr_send_start(cr_fn_Isend *start, struct cr_request *request, const void *buffer, int count,
                  MPI_Datatype datatype);

#endif
