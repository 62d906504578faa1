/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Memory of the stub: powers of two from 64 bytes
 * to 64 KiB with a free list each, whole mappings above. A parked thread may hold the application's
 * malloc locks; it never holds ours.
 */
#include "cr_handle.h"
#include "cr_stub.h"
#include "cr_sys.h"

#include <string.h>
#include <sys/mman.h>

#define CLASSES 11
#define SMALLEST 64UL
#define LARGEST (SMALLEST << (CLASSES - 1))
#define SLAB (1UL << 20)

struct free_block {
    struct free_block *next;
};

static struct cr_lock pool_lock;
static struct free_block *free_blocks[CLASSES];
static char *slab, *slab_end;

void cr_lock_take(struct cr_lock *lock)
{
    uint32_t seen = 0;

    if (__atomic_compare_exchange_n(&lock->word, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
        cr_sys(SYS_futex, &lock->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0);
}

void cr_lock_give(struct cr_lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        cr_sys(SYS_futex, &lock->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static char *map(size_t size)
{
    uint64_t at = cr_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (cr_sys_is_error(at)) {
        cr_stub_say("quiesce: no memory for %zu bytes of MPI objects\n", size);
        cr_sys(SYS_exit_group, 98);
    }
    return (char *)(uintptr_t)at;
}

static int class_of(size_t size)
{
    int class = 0;

    while ((SMALLEST << class) < size)
        class ++;
    return class;
}

static void *take(int class)
{
    size_t size = SMALLEST << class;
    struct free_block *block = free_blocks[class];

    if (block != NULL) {
        free_blocks[class] = block->next;
        return block;
    }
    if ((size_t)(slab_end - slab) < size) {
        slab = map(SLAB);
        slab_end = slab + SLAB;
    }
    block = (struct free_block *)(void *)slab;
    slab += size;
    return block;
}

void *cr_pool_alloc(size_t size)
{
    void *memory;

    if (size > LARGEST)
        return map(CR_PAGE_UP(size));
    cr_lock_take(&pool_lock);
    memory = take(class_of(size));
    cr_lock_give(&pool_lock);
    return memset(memory, 0, size);
}

void cr_pool_free(void *memory, size_t size)
{
    struct free_block *block = memory;

    if (memory == NULL)
        return;
    if (size > LARGEST) {
        cr_sys(SYS_munmap, memory, CR_PAGE_UP(size));
        return;
    }
    cr_lock_take(&pool_lock);
    block->next = free_blocks[class_of(size)];
    free_blocks[class_of(size)] = block;
    cr_lock_give(&pool_lock);
}
