/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal, lower half. What the MPI library sends its messages by, and whether that has been
 * tried with checkpoints. A transport is not saved, each restart has a new one; but one that keeps
 * registrations of memory, of which the application unmaps a part, sends what is no longer there.
 */
#ifndef CR_LOWER_TRANSPORT_H
#define CR_LOWER_TRANSPORT_H

#include "cr_error.h"

/* Permits checkpoints over transports that have not been tried: set to anything but "0". */
#define CR_LOWER_UNTRIED_VARIABLE "QUIESCE_UNTRIED_TRANSPORTS"

/*
 * To be called after MPI_Init. Fails if the library keeps registrations of memory. Otherwise
 * returns 0, and the shared page has the reason for which checkpoints are refused, or "".
 */
int cr_lower_transport_look(struct cr_error *err);

/* Providers of libfabric that were opened for an mtl and for a btl; "": none. */
const char *cr_lower_transport_mtl_provider(void);
const char *cr_lower_transport_btl_provider(void);

#endif
