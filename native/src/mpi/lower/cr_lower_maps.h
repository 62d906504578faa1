/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Reads /proc/self/maps without malloc or stdio. */
#ifndef CR_LOWER_MAPS_H
#define CR_LOWER_MAPS_H

#include <stdint.h>

struct cr_lower_map {
    uint64_t start, end;
    int protection;   /* PROT_* */
    const char *name; /* "" if it has none; valid during the call */
};

/* Called for each mapping, ascending. A value other than 0 ends the walk. */
typedef int (*cr_lower_map_fn)(void *argument, const struct cr_lower_map *map);

/*
 * Calls FN for each mapping of this process and returns its last value, or -errno. FN must not
 * change mappings: the kernel makes the text while it is read.
 */
int cr_lower_maps_walk(cr_lower_map_fn fn, void *argument);

#endif
