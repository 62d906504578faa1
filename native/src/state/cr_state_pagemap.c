/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Contents of private memory, from the page tables: PAGEMAP_SCAN, or the entries of pagemap. */
#include "cr_state_memory_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* The interface of PAGEMAP_SCAN (kernel 6.7), which older headers lack. */
struct page_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vector, vector_length, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan_argument)
enum {
    IS_FILE = 1 << 2,
    IS_PRESENT = 1 << 3,
    IS_SWAPPED = 1 << 4,
    IS_PFNZERO = 1 << 5,
    IS_GUARD = 1 << 8, /* kernel 6.15 */
};

/* Entries of /proc/PID/pagemap. */
#define ENTRY_PRESENT (1ULL << 63)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_GUARD (1ULL << 58)

#define REGIONS_MAX (CR_SCAN_BUFFER / sizeof(struct page_region))
#define ENTRIES_MAX (CR_SCAN_BUFFER / sizeof(uint64_t))

static int is_file_map(const struct cr_area *area)
{
    return area->kind == quiesce_image_AreaKind_AREA_FILE_PRIVATE;
}

/*
 * What has contents: present or in swap, and not the zero page; of a private file map only pages that were changed. A
 * guard page is an entry that looks like swap and cannot be read; the kernel tells if it knows the category (6.15).
 */
static long scan_once(struct cr_scan *scan, const struct cr_area *area, uint64_t start,
                      uint64_t end, uint64_t *walk_end)
{
    uint64_t unwanted = IS_PFNZERO | (is_file_map(area) ? IS_FILE : 0);
    struct scan_argument argument = {
        .size = sizeof(argument),
        .start = start,
        .end = end,
        .vector = (uintptr_t)scan->buffer,
        .vector_length = REGIONS_MAX,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
        .category_mask = unwanted,
        .category_inverted = unwanted,
        .return_mask = IS_PRESENT | (scan->no_guard ? 0 : IS_GUARD),
    };
    long n = cr_sys(SYS_ioctl, scan->pagemap, SCAN_IOCTL, &argument);

    *walk_end = argument.walk_end;
    return n;
}

/*
 * When the vector is full, the kernel may say that it stopped before the end of the last region that it gave, and gives
 * that piece again at the next call: cr_scan_add() drops what was already covered.
 */
int cr_scan_ioctl(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end)
{
    const struct page_region *regions = scan->buffer;
    uint64_t walk_end;

    while (start < end) {
        long n = scan_once(scan, area, start, end, &walk_end);

        if (n == -EINVAL && !scan->no_guard) {
            scan->no_guard = 1;
            continue;
        }
        if (n < 0)
            return (int)n;
        for (long i = 0; i < n; i++) {
            if (regions[i].categories & IS_GUARD)
                cr_scan_add_guard(scan, regions[i].start, regions[i].end);
            else if (cr_scan_add(scan, area, regions[i].start, regions[i].end) < 0)
                return -ENOMEM;
        }
        if (walk_end <= start)
            return -EIO;
        start = walk_end;
    }
    return 0;
}

static int is_zero(uint64_t page)
{
    const uint64_t *words = (const uint64_t *)page;

    for (size_t i = 0; i < CR_PAGE / sizeof(*words); i += 4) {
        if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) != 0)
            return 0;
    }
    return 1;
}

/* Without PAGEMAP_SCAN the zero page looks like any other, so that contents are looked at. */
static int has_contents(const struct cr_area *area, uint64_t entry, uint64_t page)
{
    if (!(entry & (ENTRY_PRESENT | ENTRY_SWAPPED)))
        return 0;
    if (is_file_map(area))
        return !(entry & ENTRY_FILE);
    if (!(entry & ENTRY_PRESENT) || !(area->protection & PROT_READ))
        return 1;
    return !is_zero(page);
}

int cr_scan_pagemap(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end)
{
    const uint64_t *entries = scan->buffer;

    while (start < end) {
        uint64_t pages = (end - start) / CR_PAGE;
        long n;

        if (pages > ENTRIES_MAX)
            pages = ENTRIES_MAX;
        n = cr_sys_pread(scan->pagemap, scan->buffer, pages * sizeof(*entries),
                         start / CR_PAGE * sizeof(*entries));
        if (n < (long)sizeof(*entries))
            return n < 0 ? (int)n : -EIO;
        for (long i = 0; i < n / (long)sizeof(*entries); i++, start += CR_PAGE) {
            if ((entries[i] & ENTRY_GUARD) && !(entries[i] & ENTRY_PRESENT))
                cr_scan_add_guard(scan, start, start + CR_PAGE);
            else if (has_contents(area, entries[i], start) &&
                     cr_scan_add(scan, area, start, start + CR_PAGE) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}
