/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal, any FS base. Compiled without vector instructions: it runs in place of a system
 * call. */
#include "cr_lower_hooks.h"

#include "cr_lower_ranges.h"
#include "cr_sys.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

static uint64_t segment_size(int id)
{
    struct shmid_ds ds;

    if (cr_sys(SYS_shmctl, id, IPC_STAT, &ds) < 0)
        return 0;
    return CR_PAGE_UP(ds.shm_segsz);
}

static long call_shmat(long id, long address, long flags)
{
    long result = cr_sys(SYS_shmat, id, address, flags);

    if (!cr_sys_is_error((uint64_t)result))
        cr_lower_ranges_add((uint64_t)result, (uint64_t)result + segment_size((int)id));
    return result;
}

static long call_munmap(uint64_t start, uint64_t size)
{
    uint64_t end = CR_PAGE_UP(start + size);
    int was_lower = cr_lower_ranges_contain(start, end);
    long result;

    /* Out of the table first: once it is unmapped, the application may get the address at any
     * moment. */
    cr_lower_ranges_remove(start, end);
    result = cr_sys(SYS_munmap, start, size);
    if (result < 0 && was_lower)
        cr_lower_ranges_add(start, end);
    return result;
}

static long call_mremap(uint64_t old, uint64_t old_size, uint64_t size, long flags, long target)
{
    uint64_t old_end = CR_PAGE_UP(old + old_size);
    int was_lower = cr_lower_ranges_contain(old, old_end);
    long result;

    if (old_size > 0 && !(flags & MREMAP_DONTUNMAP))
        cr_lower_ranges_remove(old, old_end);
    result = cr_sys(SYS_mremap, old, old_size, size, flags, target);
    if (!cr_sys_is_error((uint64_t)result))
        cr_lower_ranges_add((uint64_t)result, CR_PAGE_UP((uint64_t)result + size));
    else if (was_lower)
        cr_lower_ranges_add(old, old_end);
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
    case SYS_mmap:
        result = cr_sys(SYS_mmap, a, b, c, d, e, f);
        if (!cr_sys_is_error((uint64_t)result))
            cr_lower_ranges_add((uint64_t)result, CR_PAGE_UP((uint64_t)result + (uint64_t)b));
        return result;
    default:
        return cr_sys(number, a, b, c, d, e, f);
    }
}
