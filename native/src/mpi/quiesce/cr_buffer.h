/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Buffered sends. The attached buffer stays in the upper half; nothing is attached below. A buffered send
 * packs into the buffer and starts an ordinary send from there, which a drain completes like any other.
 */
#ifndef CR_BUFFER_H
#define CR_BUFFER_H

#include "cr_stub.h"

/* MPI_Bsend. Returns the MPI code, MPI_ERR_BUFFER if the attached buffer has no room. */
int cr_buffer_send(const void *buffer, int count, MPI_Datatype datatype, int dest, int tag,
                   MPI_Comm comm);

#endif
