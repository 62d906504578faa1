/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal and frozen, any FS base. Compiled without vector instructions: it runs in place
 * of a system call. */
#include "cr_lower_ranges.h"

#include "cr_lower.h"
#include "cr_sys.h"

#define RANGES_MAX 16384

static struct cr_lower_range table[RANGES_MAX]; /* ascending, never overlapping or adjacent */
static size_t table_count;
static size_t table_lost;
static volatile int table_lock;

static void lock(void)
{
    unsigned spins = 0;

    while (__atomic_exchange_n(&table_lock, 1, __ATOMIC_ACQUIRE)) {
        if (++spins % 64 == 0)
            cr_sys(SYS_sched_yield);
        else
            __builtin_ia32_pause();
    }
}

static void unlock(void)
{
    __atomic_store_n(&table_lock, 0, __ATOMIC_RELEASE);
}

/* Index of the first range that ends at or behind ADDRESS. */
static size_t find(uint64_t address)
{
    size_t low = 0, high = table_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].end < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Replaces table[AT .. AT + OLD) by COUNT entries of RANGES. Returns 0 if there is no room. */
static int replace(size_t at, size_t old, const struct cr_lower_range *ranges, size_t count)
{
    size_t i;

    if (table_count - old + count > RANGES_MAX)
        return 0;
    if (count > old) {
        for (i = table_count; i > at + old; i--)
            table[i - 1 + (count - old)] = table[i - 1];
    } else if (count < old) {
        for (i = at + old; i < table_count; i++)
            table[i - (old - count)] = table[i];
    }
    for (i = 0; i < count; i++)
        table[at + i] = ranges[i];
    table_count += count;
    table_count -= old;
    return 1;
}

void cr_lower_ranges_add(uint64_t start, uint64_t end)
{
    struct cr_lower_range whole = {start, end};
    size_t at, last;

    if (start >= end)
        return;
    lock();
    at = find(start);
    for (last = at; last < table_count && table[last].start <= end; last++) {
        if (table[last].start < whole.start)
            whole.start = table[last].start;
        if (table[last].end > whole.end)
            whole.end = table[last].end;
    }
    if (!replace(at, last - at, &whole, 1))
        table_lost++;
    unlock();
}

void cr_lower_ranges_remove(uint64_t start, uint64_t end)
{
    struct cr_lower_range rest[2];
    size_t at, last, count = 0;

    if (start >= end)
        return;
    lock();
    at = find(start + 1);
    for (last = at; last < table_count && table[last].start < end; last++)
        ;
    if (last > at) {
        if (table[at].start < start)
            rest[count++] = (struct cr_lower_range){table[at].start, start};
        if (table[last - 1].end > end)
            rest[count++] = (struct cr_lower_range){end, table[last - 1].end};
        /* Splitting one range when the table is full: give up the upper rest, never the right to
         * what was freed. */
        if (!replace(at, last - at, rest, count)) {
            table_lost++;
            replace(at, last - at, rest, 1);
        }
    }
    unlock();
}

int cr_lower_ranges_contain(uint64_t start, uint64_t end)
{
    size_t at;
    int inside;

    lock();
    at = find(start + 1);
    inside = at < table_count && table[at].start <= start && table[at].end >= end;
    unlock();
    return inside;
}

size_t cr_lower_ranges_copy(struct cr_lower_range *out, size_t max)
{
    size_t i, count;

    lock();
    count = table_count;
    for (i = 0; i < count && i < max; i++)
        out[i] = table[i];
    unlock();
    return count;
}

size_t cr_lower_ranges_lost(void)
{
    return table_lost;
}
