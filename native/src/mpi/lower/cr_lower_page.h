/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Makes the page that the two halves share (cr_lower.h). */
#ifndef CR_LOWER_PAGE_H
#define CR_LOWER_PAGE_H

#include "cr_error.h"

/* Maps the page and fills in everything that is known before the application or its image is.
 * RESTORED: 0 or 1. */
int cr_lower_page_make(int restored, struct cr_error *err);

#endif
