/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Occupies all free address space from CR_UPPER_END upwards with inaccessible
 * mappings, so that the kernel's own search (top-down) puts every mapping made from then on without
 * an address below CR_UPPER_END.
 */
#ifndef CR_LOWER_FILL_H
#define CR_LOWER_FILL_H

#include "cr_error.h"

#include <stdint.h>

/* Everything that is mapped now from START upwards belongs to the lower half. */
int cr_lower_fill_snapshot(uint64_t start, struct cr_error *err);

/*
 * Fills. A limit of the address space (ulimit -v) is raised by what was filled, so that it still
 * leaves the application as much as before. Tries a mapping afterwards and fails if the kernel does
 * not place it below CR_UPPER_END.
 */
int cr_lower_fill(struct cr_error *err);

#endif
