/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Contents of shared memory. The page tables of this process do not show what was written through a
 * descriptor or by another mapping, so the object is asked.
 */
#include "cr_fd_content.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#define SEEK_DATA_ 3
#define SEEK_HOLE_ 4

/* Opening a mapping that has no path as a file needs CAP_CHECKPOINT_RESTORE. */
static int open_object(const struct cr_area *area)
{
    char path[64];

    if (area->kind == quiesce_image_AreaKind_AREA_FILE_SHARED)
        return cr_sys_open(area->name, O_RDONLY | O_CLOEXEC, 0);
    cr_fmt(path, sizeof(path), "/proc/self/map_files/%lx-%lx", area->start, area->end);
    return cr_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
}

static uint64_t area_offset_end(const struct cr_area *area)
{
    return area->offset + (area->end - area->start);
}

/*
 * Where an earlier area of the same object covers OFFSET, the end of what it covers; else 0, and *RET_NEXT is where the
 * next one begins.
 */
static uint64_t find_cover(const struct cr_scan *scan, const struct cr_area *area, uint64_t offset,
                           uint64_t *ret_next)
{
    *ret_next = UINT64_MAX;
    for (const struct cr_area *b = scan->memory->areas; b < area; b++) {
        if (b->file != area->file)
            continue;
        if (b->offset <= offset && offset < area_offset_end(b))
            return area_offset_end(b);
        if (b->offset > offset && b->offset < *ret_next)
            *ret_next = b->offset;
    }
    return 0;
}

/* What is mapped twice is stored once, at the first place: a restart maps one object at both. */
static int add_once(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end)
{
    int rc = 0;

    while (rc == 0 && start < end) {
        uint64_t offset = area->offset + (start - area->start);
        uint64_t next;
        uint64_t cover = find_cover(scan, area, offset, &next);
        uint64_t length = cover != 0 ? cover - offset : next - offset;

        if (length > end - start)
            length = end - start;
        if (cover == 0)
            rc = cr_scan_add(scan, area, start, start + length);
        start += length;
    }
    return rc;
}

static int scan_by_seeking(struct cr_scan *scan, const struct cr_area *area, int fd)
{
    long limit = (long)(area->offset + (area->end - area->start));
    long at = (long)area->offset;

    while (at < limit) {
        long data = cr_sys(SYS_lseek, fd, at, SEEK_DATA_);
        long hole;
        int rc;

        if (data == -ENXIO || data >= limit)
            return 0;
        if (data < 0)
            return (int)data;
        hole = cr_sys(SYS_lseek, fd, data, SEEK_HOLE_);
        if (hole < 0)
            return (int)hole;
        hole = (long)CR_PAGE_UP(hole);
        at = hole < limit ? hole : limit;
        data = (long)CR_PAGE_DOWN(data);
        rc = add_once(scan, area, area->start + (uint64_t)data - area->offset,
                      area->start + (uint64_t)at - area->offset);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* mincore() looks at the page cache of the object, not at page tables; but a page that is in swap is not seen. */
static int scan_by_mincore(struct cr_scan *scan, const struct cr_area *area)
{
    const unsigned char *resident = scan->buffer;

    for (uint64_t at = area->start; at < area->end;) {
        uint64_t pages = (area->end - at) / CR_PAGE;
        long rc;

        if (pages > CR_SCAN_BUFFER)
            pages = CR_SCAN_BUFFER;
        rc = cr_sys(SYS_mincore, at, pages * CR_PAGE, scan->buffer);
        if (rc < 0)
            return (int)rc;
        for (uint64_t i = 0; i < pages; i++, at += CR_PAGE) {
            if ((resident[i] & 1) && add_once(scan, area, at, at + CR_PAGE) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* Objects whose only place is memory: what is not in the page cache and not in swap is a hole. */
static int is_memory_only(const struct cr_area *area)
{
    return cr_str_starts(area->name, "/dev/zero") || cr_str_starts(area->name, "/memfd:") ||
           cr_str_starts(area->name, "/SYSV") || cr_str_starts(area->name, "/dev/shm/") ||
           cr_str_starts(area->name, "[anon_shmem:");
}

/*
 * Are the contents in the image of another process of the same checkpoint? That was decided by what each of them maps of
 * its own accord; a file that was mapped to be saved may be longer.
 */
static int is_elsewhere(const struct cr_state *state, const struct cr_area *area)
{
    const struct cr_foreign *foreign = state->foreign;

    if (cr_held_find(state, area->device, area->inode) != NULL)
        return 0;
    for (size_t i = 0; i < foreign->elsewhere_count; i++) {
        if (foreign->elsewhere[i].device == area->device &&
            foreign->elsewhere[i].inode == area->inode)
            return 1;
    }
    return 0;
}

int cr_scan_shared(struct cr_scan *scan, const struct cr_area *area)
{
    int fd;
    int rc;

    if (is_elsewhere(scan->state, area))
        return 0;
    /* Neither way sees huge pages that only another process has touched. */
    if (area->vm_flags & CR_ADVICE_HUGETLB)
        return cr_scan_readable(scan, area);
    fd = open_object(area);
    if (fd >= 0) {
        rc = scan_by_seeking(scan, area, fd);
        cr_sys_close(fd);
        if (rc != -EINVAL)
            return rc;
    }
    if (is_memory_only(area) && !scan->swap_in_use)
        return scan_by_mincore(scan, area);
    return cr_scan_readable(scan, area);
}
