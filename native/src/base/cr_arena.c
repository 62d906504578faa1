/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_arena.h"

#include "cr_sys.h"

#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16UL
#define KEPT (64UL << 10) /* to clear so much is cheaper than to get it anew */

int cr_arena_create(struct cr_arena *arena, size_t size)
{
    uint64_t base;

    size = CR_PAGE_UP(size);
    base = cr_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
    if (cr_sys_is_error(base))
        return (int)(int64_t)base;
    *arena = (struct cr_arena){base, size, 0};
    return 0;
}

void *cr_arena_alloc(struct cr_arena *arena, size_t size)
{
    size_t start = arena->used;

    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (size > arena->size - start)
        return NULL;
    arena->used = start + size;
    return (void *)(arena->base + start);
}

void cr_arena_rewind(struct cr_arena *arena, size_t mark)
{
    if (arena->used > mark)
        memset((void *)(arena->base + mark), 0, arena->used - mark);
    arena->used = mark;
}

void cr_arena_reset(struct cr_arena *arena)
{
    if (arena->used == 0)
        return;
    if (arena->used <= KEPT)
        memset((void *)arena->base, 0, arena->used);
    else
        cr_sys(SYS_madvise, arena->base, CR_PAGE_UP(arena->used), MADV_DONTNEED);
    arena->used = 0;
}

void cr_arena_destroy(struct cr_arena *arena)
{
    if (arena->size > 0)
        cr_sys_munmap(arena->base, arena->size);
    *arena = (struct cr_arena){0, 0, 0};
}
