/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Keeps descriptor numbers free for the application while the lower half opens its
 * own: each number that the image wants back is occupied before MPI_Init, and belongs to the
 * application from then on.
 */
#ifndef CR_LOWER_PLACEHOLDERS_H
#define CR_LOWER_PLACEHOLDERS_H

#include "cr_error.h"

#include <stddef.h>

/* Occupies FDS[0..COUNT), but 0, 1 and 2. What the launcher left open at such a number is closed.
 * */
int cr_lower_placeholders_make(const int *fds, size_t count, struct cr_error *err);

/* Everything else that is open now, but 0, 1 and 2, is the lower half's. */
void cr_lower_placeholders_settle(const int *fds, size_t count);

#endif
