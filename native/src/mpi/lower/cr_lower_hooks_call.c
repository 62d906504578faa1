/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal, any FS base. Compiled without vector instructions: it runs in place of a system
 * call. */
#include "cr_lower_hooks.h"

#include "cr_lower.h"
#include "cr_lower_ranges.h"
#include "cr_sys.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#define FILL_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define SEGMENTS_MAX 256

static volatile int filled;

/* Attached System V segments: detaching one does not tell its size. */
static struct {
    volatile uint64_t start;
    uint64_t end;
} segments[SEGMENTS_MAX];

void cr_lower_hooks_keep_filled(void)
{
    __atomic_store_n(&filled, 1, __ATOMIC_SEQ_CST);
}

/* Above the line no address may become free again: the kernel would give it to the application. */
static int stays_filled(uint64_t start)
{
    return start >= CR_UPPER_END && __atomic_load_n(&filled, __ATOMIC_SEQ_CST);
}

/* Fills what was left free a moment ago, unless somebody was quicker. */
static void fill_again(uint64_t start, uint64_t end)
{
    uint64_t at;

    if (start >= end || !stays_filled(start))
        return;
    at = cr_sys_mmap(start, end - start, PROT_NONE, FILL_FLAGS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == start)
        cr_lower_ranges_add(start, end);
}

static long call_munmap(uint64_t start, uint64_t size)
{
    uint64_t end = CR_PAGE_UP(start + size);
    int was_lower = cr_lower_ranges_contain(start, end);
    long result;

    if (was_lower && size > 0 && start % CR_PAGE == 0 && stays_filled(start)) {
        uint64_t at = cr_sys_mmap(start, end - start, PROT_NONE, FILL_FLAGS | MAP_FIXED, -1, 0);
        return at == start ? 0 : (long)at;
    }
    /* Out of the table first: once it is unmapped, the application may get the address at once. */
    cr_lower_ranges_remove(start, end);
    result = cr_sys(SYS_munmap, start, size);
    if (result < 0 && was_lower)
        cr_lower_ranges_add(start, end);
    /* The fill may have begun since we looked, and have taken this for occupied. */
    if (result == 0 && was_lower)
        fill_again(start, end);
    return result;
}

static long call_mremap(uint64_t old, uint64_t old_size, uint64_t size, long flags, long target)
{
    uint64_t old_end = CR_PAGE_UP(old + old_size);
    int was_lower = cr_lower_ranges_contain(old, old_end);
    int stays = (flags & MREMAP_DONTUNMAP) || old_size == 0;
    long result;

    if (!stays)
        cr_lower_ranges_remove(old, old_end);
    result = cr_sys(SYS_mremap, old, old_size, size, flags, target);
    if (cr_sys_is_error((uint64_t)result)) {
        if (was_lower)
            cr_lower_ranges_add(old, old_end);
        return result;
    }
    cr_lower_ranges_add((uint64_t)result, CR_PAGE_UP((uint64_t)result + size));
    if (!stays)
        fill_again((uint64_t)result == old ? CR_PAGE_UP(old + size) : old, old_end);
    return result;
}

static uint64_t segment_size(int id)
{
    struct shmid_ds ds;

    if (cr_sys(SYS_shmctl, id, IPC_STAT, &ds) < 0)
        return 0;
    return CR_PAGE_UP(ds.shm_segsz);
}

/* A segment for which there is no place in the table is taken for the application's. */
static long call_shmat(long id, long address, long flags)
{
    uint64_t size = segment_size((int)id);
    long result = cr_sys(SYS_shmat, id, address, flags);
    int i;

    if (cr_sys_is_error((uint64_t)result))
        return result;
    for (i = 0; i < SEGMENTS_MAX; i++) {
        uint64_t none = 0;
        if (!__atomic_compare_exchange_n(&segments[i].start, &none, (uint64_t)result, 0,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        segments[i].end = (uint64_t)result + size;
        cr_lower_ranges_add((uint64_t)result, (uint64_t)result + size);
        break;
    }
    return result;
}

static long call_shmdt(uint64_t start)
{
    uint64_t end = start;
    long result;
    int i;

    for (i = 0; i < SEGMENTS_MAX && end == start; i++) {
        if (segments[i].start != start)
            continue;
        end = segments[i].end;
        __atomic_store_n(&segments[i].start, 0, __ATOMIC_RELEASE);
    }
    cr_lower_ranges_remove(start, end);
    result = cr_sys(SYS_shmdt, start);
    if (result == 0)
        fill_again(start, end);
    return result;
}

long cr_lower_hooks_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    switch (number) {
    case SYS_munmap:
        return call_munmap((uint64_t)a, (uint64_t)b);
    case SYS_mremap:
        return call_mremap((uint64_t)a, (uint64_t)b, (uint64_t)c, d, e);
    case SYS_shmat:
        return call_shmat(a, b, c);
    case SYS_shmdt:
        return call_shmdt((uint64_t)a);
    case SYS_mmap:
        result = cr_sys(SYS_mmap, a, b, c, d, e, f);
        if (!cr_sys_is_error((uint64_t)result))
            cr_lower_ranges_add((uint64_t)result, CR_PAGE_UP((uint64_t)result + (uint64_t)b));
        return result;
    default:
        return cr_sys(number, a, b, c, d, e, f);
    }
}
