/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Which pages have contents. Private memory: the page tables know (PAGEMAP_SCAN, else pagemap). Shared
 * memory: they do not, since a page written through a descriptor or another mapping is in the object only.
 */
#include "cr_state_memory_parts.h"

#include "cr_fault.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define RUN_BLOCK 512UL

_Static_assert(RUN_BLOCK * sizeof(struct cr_run) % 16 == 0,
               "blocks of runs must follow each other");

static uint32_t run_source(const struct cr_area *area)
{
    return area->protection & PROT_READ ? CR_RUN_MEMORY : CR_RUN_UNREADABLE;
}

/* The runs grow at the end of the arena; nothing else is taken from it during a scan. */
static struct cr_run *new_run(struct cr_scan *scan)
{
    struct cr_memory *memory = scan->memory;

    if (memory->run_count % RUN_BLOCK == 0 &&
        cr_arena_alloc(scan->state->arena, RUN_BLOCK * sizeof(struct cr_run)) == NULL)
        return NULL;
    return &memory->runs[memory->run_count++];
}

static int add_run(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end)
{
    struct cr_memory *memory = scan->memory;
    struct cr_run *last = memory->run_count > 0 ? &memory->runs[memory->run_count - 1] : NULL;
    struct cr_run *run;

    memory->bytes += end - start;
    if (last != NULL && memory->run_count - 1 != scan->no_join &&
        last->start + last->size == start && start > area->start) {
        last->size += end - start;
        return 0;
    }
    run = new_run(scan);
    if (run == NULL)
        return -ENOMEM;
    *run = (struct cr_run){start, end - start, area->protection, run_source(area)};
    return 0;
}

int cr_scan_add(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end)
{
    int rc = 0;

    if (start < scan->covered)
        start = scan->covered;
    if (start >= end)
        return 0;
    scan->covered = end;
    if (scan->memory->omission_count == 0)
        return add_run(scan, area, start, end);
    while (rc == 0) {
        uint64_t piece_end;

        start = cr_omit_next(scan->memory, &scan->omission, start, end, &piece_end);
        if (start >= end)
            break;
        rc = add_run(scan, area, start, piece_end);
        start = piece_end;
    }
    return rc;
}

/* Every page of the area that can be read at all: not behind the end of its file. */
int cr_scan_readable(struct cr_scan *scan, const struct cr_area *area)
{
    char byte;
    int rc = 0;

    if (scan->mem < 0)
        scan->mem = cr_sys_open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
    if (scan->mem < 0)
        return scan->mem;
    for (uint64_t page = area->start; rc == 0 && page < area->end; page += CR_PAGE) {
        if (cr_sys_pread(scan->mem, &byte, 1, page) == 1)
            rc = cr_scan_add(scan, area, page, page + CR_PAGE);
    }
    return rc;
}

static int scan_private(struct cr_scan *scan, const struct cr_area *area, uint64_t start,
                        uint64_t end)
{
    int rc;

    if (start >= end)
        return 0;
    rc = scan->no_ioctl ? -ENOTTY : cr_scan_ioctl(scan, area, start, end);
    if (rc != -ENOTTY)
        return rc;
    scan->no_ioctl = 1;
    return cr_scan_pagemap(scan, area, start, end);
}

/*
 * The arena grows while it is being scanned: it is one run of its own, up to what is used when the scan is over, which
 * is known at the end. It may lie in the middle of an area, since the kernel joins neighbours.
 */
static int scan_around_arena(struct cr_scan *scan, const struct cr_area *area)
{
    const struct cr_arena *arena = scan->state->arena;
    int rc = scan_private(scan, area, area->start, arena->base);

    if (rc < 0)
        return rc;
    if (scan->memory->run_count > 0)
        scan->no_join = scan->memory->run_count - 1;
    rc = cr_scan_add(scan, area, arena->base, arena->base + CR_PAGE);
    if (rc < 0)
        return rc;
    scan->no_join = scan->arena_run = scan->memory->run_count - 1;
    return scan_private(scan, area, scan->arena_end, area->end);
}

static void finish_arena_run(struct cr_scan *scan)
{
    struct cr_memory *memory = scan->memory;

    if (scan->arena_run == SIZE_MAX)
        return;
    memory->runs[scan->arena_run].size = CR_PAGE_UP(scan->state->arena->used);
    memory->bytes += memory->runs[scan->arena_run].size - CR_PAGE;
}

static int scan_anonymous(struct cr_scan *scan, const struct cr_area *area)
{
    uint64_t base = scan->state->arena->base;

    if (area->start <= base && base < area->end)
        return scan_around_arena(scan, area);
    if (cr_area_lost_its_file(area))
        return cr_scan_readable(scan, area);
    return scan_private(scan, area, area->start, area->end);
}

static int scan_area(struct cr_scan *scan, const struct cr_area *area)
{
    switch (area->kind) {
    case quiesce_image_AreaKind_AREA_PRIVATE:
    case quiesce_image_AreaKind_AREA_STACK:
        return scan_anonymous(scan, area);
    case quiesce_image_AreaKind_AREA_FILE_PRIVATE:
        return scan_private(scan, area, area->start, area->end);
    case quiesce_image_AreaKind_AREA_SHARED:
        return cr_scan_shared(scan, area);
    case quiesce_image_AreaKind_AREA_FILE_SHARED:
        return area->contents ? cr_scan_shared(scan, area) : 0;
    default:
        return 0;
    }
}

/* What is dropped is no area any more: its contents below END are counted as left out. */
static int count_dropped(struct cr_scan *scan, uint64_t end)
{
    int rc = 0;

    for (; rc == 0 && scan->dropped < scan->memory->omission_count; scan->dropped++) {
        const struct cr_omission *o = &scan->memory->omissions[scan->dropped];
        const struct cr_area area = {
            .start = o->start, .end = o->end, .kind = quiesce_image_AreaKind_AREA_PRIVATE};

        if (o->start >= end)
            break;
        if (o->dropped)
            rc = scan_private(scan, &area, area.start, area.end);
    }
    return rc;
}

static int scan_areas(struct cr_scan *scan, struct cr_error *err)
{
    for (size_t i = 0; i < scan->memory->area_count; i++) {
        const struct cr_area *area = &scan->memory->areas[i];
        int rc = count_dropped(scan, area->start);

        if (rc == 0)
            rc = scan_area(scan, area);

        if (rc == -ENOMEM)
            return cr_fail_memory(err);
        if (rc < 0)
            return cr_fail(err, -rc, "cannot find the contents of the memory at 0x%lx-0x%lx: %s",
                           area->start, area->end, cr_error_words(-rc));
    }
    return 0;
}

static int swap_in_use(void)
{
    struct sysinfo info = {0};

    return cr_sys(SYS_sysinfo, &info) < 0 || info.totalswap != info.freeswap;
}

void cr_scan_add_guard(struct cr_scan *scan, uint64_t start, uint64_t end)
{
    struct cr_range *last = scan->guards + scan->guard_count - 1;

    if (scan->guard_count > 0 && scan->guard_count <= CR_SCAN_GUARDS && start <= last->end) {
        if (end > last->end)
            last->end = end;
        return;
    }
    if (scan->guard_count < CR_SCAN_GUARDS)
        scan->guards[scan->guard_count] = (struct cr_range){start, end};
    scan->guard_count++;
}

static int open_and_scan(struct cr_scan *scan, struct cr_error *err)
{
    int rc;

    if (scan->buffer == NULL || scan->guards == NULL)
        return cr_fail_memory(err);
    scan->pagemap = cr_sys_open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    if (scan->pagemap < 0)
        return cr_fail(err, -scan->pagemap, "cannot open /proc/thread-self/pagemap: %s",
                       cr_error_words(-scan->pagemap));
    rc = scan_areas(scan, err);
    cr_sys_close(scan->pagemap);
    if (scan->mem >= 0)
        cr_sys_close(scan->mem);
    return rc;
}

int cr_memory_scan(struct cr_state *state, struct cr_memory *memory, struct cr_error *err)
{
    struct cr_scan scan = {.state = state,
                           .memory = memory,
                           .mem = -1,
                           .no_join = SIZE_MAX,
                           .arena_run = SIZE_MAX,
                           .arena_end = state->arena->base + state->arena->size};
    struct cr_scratch scratch;
    int rc;

    scan.no_ioctl = cr_fault("scan:ioctl") != 0;
    scan.swap_in_use = swap_in_use();
    memory->runs = (struct cr_run *)(state->arena->base + state->arena->used);
    memory->run_count = 0;
    memory->bytes = 0;
    memset(memory->left_out, 0, sizeof(memory->left_out));
    cr_scratch_begin(&scratch, state->arena);
    scan.buffer = cr_arena_alloc(&scratch.arena, CR_SCAN_BUFFER);
    scan.guards = cr_arena_alloc(&scratch.arena, CR_SCAN_GUARDS * sizeof(*scan.guards));
    rc = open_and_scan(&scan, err);
    if (rc == 0)
        rc = cr_guards_encode(state, &scratch.arena, scan.guards, scan.guard_count, err);
    if (rc == 0)
        rc = cr_omit_encode(state, memory, err);
    if (rc == 0)
        finish_arena_run(&scan);
    cr_scratch_end(&scratch);
    return rc;
}
