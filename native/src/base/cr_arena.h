/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Memory for code that may not call malloc: one reservation, taken front to back, given back as a
 * whole. Not for several threads at once.
 */
#ifndef CR_ARENA_H
#define CR_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct cr_arena {
    uint64_t base;
    size_t size; /* reserved, MAP_NORESERVE: only what is used costs memory */
    size_t used;
};

/* Reserves SIZE bytes, rounded up to pages. Returns 0 or -errno. */
int cr_arena_create(struct cr_arena *arena, size_t size);

/* SIZE zeroed bytes aligned to 16, or NULL when the reservation is used up. */
void *cr_arena_alloc(struct cr_arena *arena, size_t size);

/* Gives back what was taken since USED was MARK, so that it is zero again. */
void cr_arena_rewind(struct cr_arena *arena, size_t mark);

/* Forgets everything taken, so that it is zero again; more than a little goes back to the kernel. */
void cr_arena_reset(struct cr_arena *arena);

/* Unmaps the reservation. */
void cr_arena_destroy(struct cr_arena *arena);

#endif
