/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Generalized requests live in the upper half alone: nothing of them is in the real library, so that a
 * checkpoint may come at any time. Their functions are called with the upper FS and no lock held.
 */
#ifndef CR_GENERALIZED_H
#define CR_GENERALIZED_H

#include "cr_request.h"

/* What the completing call of the application does first: the query function fills the status of the DONE request. */
void cr_generalized_query(struct cr_request *request);
/* MPI_Cancel. Returns what the cancel function returns. */
int cr_generalized_cancel(struct cr_request *request);
/* The request is being released: the free function. */
void cr_generalized_freed(struct cr_request *request);

#endif
