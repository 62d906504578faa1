/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Lists of ranks. */
#ifndef CR_RANKS_H
#define CR_RANKS_H

#include <stddef.h>
#include <stdint.h>

/* A sorted copy of COUNT ranks without repetitions, *RET_SIZE bytes in the pool; *COUNT: how many are left. */
uint32_t *cr_ranks_sorted(const uint32_t *ranks, uint32_t *count, size_t *ret_size);

#endif
