/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Lists of ranks. */
#include "cr_ranks.h"

#include "cr_stub.h"

#include <string.h>

/* Shell sort: no library function may be called here that allocates. */
static void sort(uint32_t *list, uint32_t count)
{
    uint32_t gap, i, j;

    for (gap = count / 2; gap > 0; gap /= 2)
        for (i = gap; i < count; i++) {
            uint32_t value = list[i];

            for (j = i; j >= gap && list[j - gap] > value; j -= gap)
                list[j] = list[j - gap];
            list[j] = value;
        }
}

static uint32_t unique(uint32_t *list, uint32_t count)
{
    uint32_t i, kept = 0;

    for (i = 0; i < count; i++)
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    return kept;
}

uint32_t *cr_ranks_sorted(const uint32_t *ranks, uint32_t *count, size_t *ret_size)
{
    uint32_t *sorted = cr_pool_alloc(*ret_size = *count * sizeof(*ranks) + 1);

    memcpy(sorted, ranks, *count * sizeof(*ranks));
    sort(sorted, *count);
    *count = unique(sorted, *count);
    return sorted;
}
