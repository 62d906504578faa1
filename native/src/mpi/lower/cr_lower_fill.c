/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_fill.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_hooks.h"
#include "cr_lower_maps.h"
#include "cr_lower_ranges.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define STACK_ROOM (32UL << 20) /* the lower half's own stack may still grow by this */
#define TAKEN_MAX 4096
#define PASSES_MAX 16

/* What is mapped above CR_UPPER_END, neighbours joined. */
struct taken {
    struct cr_lower_range ranges[TAKEN_MAX];
    size_t count;
    uint64_t stack;
};

static struct taken taken;

static int add_to_table(void *argument, const struct cr_lower_map *map)
{
    if (map->start >= *(const uint64_t *)argument)
        cr_lower_ranges_add(map->start, map->end);
    return 0;
}

int cr_lower_fill_snapshot(uint64_t start, struct cr_error *err)
{
    int rc = cr_lower_maps_walk(add_to_table, &start);

    if (rc < 0)
        return cr_fail(err, -rc, "reading /proc/self/maps");
    return 0;
}

static int take(void *argument, const struct cr_lower_map *map)
{
    struct taken *t = argument;

    if (cr_str_equal(map->name, "[stack]"))
        t->stack = map->start;
    if (map->end <= CR_UPPER_END)
        return 0;
    if (t->count > 0 && t->ranges[t->count - 1].end >= map->start) {
        t->ranges[t->count - 1].end = map->end;
        return 0;
    }
    if (t->count == TAKEN_MAX)
        return -E2BIG;
    t->ranges[t->count++] = (struct cr_lower_range){map->start, map->end};
    return 0;
}

static int fill_gap(uint64_t start, uint64_t end, struct cr_error *err)
{
    uint64_t at =
        cr_sys_mmap(start, end - start, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    /* A thread of the lower half was quicker: the next pass sees what is left. */
    if (at == (uint64_t)-EEXIST)
        return 0;
    if (at != start)
        return cr_fail(err, cr_sys_is_error(at) ? (int)-at : ENOMEM,
                       "reserving the addresses %lx-%lx", start, end);
    cr_lower_ranges_add(start, end);
    return 0;
}

/* Allows SIZE bytes more of address space if that is limited at all. */
static int raise_limit(uint64_t size, struct cr_error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < limit.rlim_cur + size)
        limit.rlim_max = limit.rlim_cur + size;
    limit.rlim_cur += size;
    if (setrlimit(RLIMIT_AS, &limit) == 0)
        return 0;
    return cr_fail(err, errno,
                   "a hard limit on the address space (ulimit -v) is set, but a rank under Quiesce "
                   "reserves 48 TiB of addresses: remove the hard limit (a soft one may stay)");
}

static uint64_t gaps_total(const struct taken *t, uint64_t limit)
{
    uint64_t total = 0, previous = CR_UPPER_END;
    size_t i;

    for (i = 0; i < t->count && t->ranges[i].start < limit; i++) {
        if (t->ranges[i].start > previous)
            total += t->ranges[i].start - previous;
        previous = t->ranges[i].end;
    }
    return previous < limit ? total + limit - previous : total;
}

static int fill_all(const struct taken *t, uint64_t limit, struct cr_error *err)
{
    uint64_t previous = CR_UPPER_END;
    size_t i;
    int rc;

    for (i = 0; i <= t->count && previous < limit; i++) {
        uint64_t start = i < t->count ? t->ranges[i].start : limit;
        if (start > limit)
            start = limit;
        rc = start > previous ? fill_gap(previous, start, err) : 0;
        if (rc < 0)
            return rc;
        if (i < t->count && t->ranges[i].end > previous)
            previous = t->ranges[i].end;
    }
    return 0;
}

static int try_placement(struct cr_error *err)
{
    uint64_t at = cr_sys_mmap(0, CR_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (!cr_sys_is_error(at))
        cr_sys_munmap(at, CR_PAGE);
    if (cr_sys_is_error(at) || at >= CR_UPPER_END || at < CR_UPPER_END / 2)
        return cr_fail(
            err, CR_EKERNEL,
            "this kernel placed a new mapping at %lx instead of right below %lx: the halves "
            "of a rank cannot be kept apart",
            at, CR_UPPER_END);
    return 0;
}

/* One pass. Returns 1 if there was something to fill. */
static int fill_once(uint64_t *ret_limit, struct cr_error *err)
{
    uint64_t gaps;
    int rc;

    taken.count = 0;
    taken.stack = 0;
    rc = cr_lower_maps_walk(take, &taken);
    if (rc < 0)
        return cr_fail(err, -rc, "reading /proc/self/maps");
    if (taken.stack < CR_UPPER_END)
        return cr_fail(err, CR_EKERNEL,
                       "the stack of this process lies at %lx: address layout not understood",
                       taken.stack);
    *ret_limit = CR_PAGE_DOWN(taken.stack - STACK_ROOM);
    gaps = gaps_total(&taken, *ret_limit);
    rc = raise_limit(gaps, err);
    if (rc == 0)
        rc = fill_all(&taken, *ret_limit, err);
    return rc < 0 ? rc : gaps > 0;
}

int cr_lower_fill(struct cr_error *err)
{
    uint64_t limit = 0;
    int pass, rc = 1;

    /* Other threads of the lower half may map and unmap meanwhile: until a pass finds nothing. */
    cr_lower_hooks_keep_filled();
    for (pass = 0; pass < PASSES_MAX && rc == 1; pass++)
        rc = fill_once(&limit, err);
    if (rc < 0)
        return rc;
    cr_lower_ranges_add(limit, taken.stack);
    return try_placement(err);
}
