/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: restorer. Areas and the files in them. */
#include "cr_plan.h"

#include "cr_agent_state.h"
#include "cr_error.h"
#include "cr_state_memory.h"
#include "cr_sys.h"

#include "image.pb.h"

#include <errno.h>
#include <sys/mman.h>

#define CREATE_CLOEXEC 1 /* MFD_CLOEXEC */
#define CREATE_HUGETLB 4 /* MFD_HUGETLB */

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

int cr_plan_fail(struct cr_plan *plan, int code, const char *what, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    if (plan->error != 0)
        return -code;
    plan->error = code;
    while (what[n] != '\0' && n < sizeof(plan->text) - 20) {
        plan->text[n] = what[n];
        n++;
    }
    plan->text[n++] = '0';
    plan->text[n++] = 'x';
    for (int shift = 60; shift >= 0; shift -= 4)
        if (shift == 0 || number >> shift != 0)
            plan->text[n++] = digits[number >> shift & 15];
    plan->text[n] = '\0';
    return -code;
}

/* Huge pages: the size as mmap() and memfd_create() want it. */
static int huge_flags(const struct cr_plan_area *a)
{
    if ((a->vm_flags & CR_ADVICE_HUGETLB) == 0)
        return 0;
    return (int)((a->vm_flags >> CR_ADVICE_PAGE_SHIFT & 63) << MAP_HUGE_SHIFT);
}

static int open_object(struct cr_plan *plan, struct cr_plan_file *f, const struct cr_plan_area *a)
{
    int huge = (a->vm_flags & CR_ADVICE_HUGETLB) != 0 ? CREATE_HUGETLB | huge_flags(a) : 0;
    long rc = cr_sys(SYS_memfd_create, "quiesce-shared", CREATE_CLOEXEC | huge);

    if (rc < 0)
        return cr_plan_fail(plan, (int)-rc, "cannot make shared memory of size ", f->size);
    f->fd = (int)rc;
    rc = cr_sys(SYS_ftruncate, f->fd, f->size);
    return rc < 0 ? cr_plan_fail(plan, (int)-rc, "cannot make shared memory of size ", f->size) : 0;
}

/* A file whose contents the image has: as large as it was, and made anew if it is gone. */
static int open_with_contents(struct cr_plan *plan, struct cr_plan_file *f)
{
    int create = f->mode != 0 ? O_CREAT : 0;
    long rc;

    f->fd = cr_sys_open(f->path, O_RDWR | O_CLOEXEC | create, f->mode);
    if (f->fd < 0)
        return cr_plan_fail(
            plan, -f->fd, "cannot open a mapped file to put its contents back: ", (uint64_t)-f->fd);
    rc = cr_sys(SYS_ftruncate, f->fd, f->size);
    return rc < 0 ? cr_plan_fail(plan, (int)-rc, "cannot give a mapped file its size ", f->size)
                  : 0;
}

/* A shared mapping that is to be written needs a descriptor for writing. */
static int open_file(struct cr_plan *plan, const struct cr_plan_area *a)
{
    struct cr_plan_file *f = &plan->files[a->file];
    int shared = a->kind == quiesce_image_AreaKind_AREA_FILE_SHARED;

    if (f->fd >= 0)
        return 0;
    if (f->object)
        return open_object(plan, f, a);
    if (f->contents == 1)
        return open_with_contents(plan, f);
    f->fd = shared ? cr_sys_open(f->path, O_RDWR | O_CLOEXEC, 0) : -EACCES;
    if (f->fd < 0 && (!shared || (a->protection & PROT_WRITE) == 0))
        f->fd = cr_sys_open(f->path, O_RDONLY | O_CLOEXEC, 0);
    if (f->fd < 0)
        return cr_plan_fail(plan, -f->fd, "cannot open the file mapped at ", a->start);
    return 0;
}

/*
 * The whole segment is attached somewhere, and the piece that the image has goes to its place: it need not be whole, and
 * other areas may lie right beside it.
 */
static int map_segment(struct cr_plan *plan, const struct cr_plan_area *a)
{
    const struct cr_plan_file *f = &plan->files[a->file];
    uint64_t size = CR_PAGE_UP(f->size);
    uint64_t length = a->end - a->start;
    uint64_t at = (uint64_t)cr_sys(SYS_shmat, f->sysv - 1, 0, 0);
    uint64_t to;

    if (cr_sys_is_error(at))
        return cr_plan_fail(plan, (int)-at, "cannot attach the System V segment at ", a->start);
    if (a->offset + length > size)
        return cr_plan_fail(plan, CR_EDAMAGED, "a System V segment is too small for ", a->start);
    to = (uint64_t)cr_sys(SYS_mremap, at + a->offset, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
                          a->start);
    if (to != a->start)
        return cr_plan_fail(plan, (int)-to, "cannot attach the System V segment at ", a->start);
    if (a->offset > 0)
        cr_sys_munmap(at, a->offset);
    if (a->offset + length < size)
        cr_sys_munmap(at + a->offset + length, size - a->offset - length);
    return 0;
}

static int map_flags(const struct cr_plan *plan, const struct cr_plan_area *a)
{
    int flags = plan->keep_others ? MAP_FIXED_NOREPLACE : MAP_FIXED;

    switch (a->kind) {
    case quiesce_image_AreaKind_AREA_STACK:
        flags |= MAP_GROWSDOWN | MAP_STACK;
        /* fall through */
    case quiesce_image_AreaKind_AREA_PRIVATE:
        flags |= MAP_ANONYMOUS;
        flags |= (a->vm_flags & CR_ADVICE_DROPPABLE) != 0 ? MAP_DROPPABLE : MAP_PRIVATE;
        if ((a->vm_flags & CR_ADVICE_HUGETLB) != 0)
            flags |= MAP_HUGETLB | huge_flags(a);
        break;
    case quiesce_image_AreaKind_AREA_FILE_PRIVATE:
        flags |= MAP_PRIVATE;
        break;
    default:
        flags |= MAP_SHARED;
    }
    if ((a->vm_flags & CR_ADVICE_NORESERVE) != 0)
        flags |= MAP_NORESERVE;
    return flags;
}

/* The image has contents that are not wanted: they are read into other memory, which the file then replaces. */
static int is_idle(const struct cr_plan *plan, const struct cr_plan_area *a)
{
    return a->file >= 0 && plan->files[a->file].contents == CR_PLAN_CONTENTS_IDLE;
}

static int map_idle(struct cr_plan *plan, const struct cr_plan_area *a)
{
    uint64_t at = cr_sys_mmap(a->start, a->end - a->start, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                                  (plan->keep_others ? MAP_FIXED_NOREPLACE : MAP_FIXED),
                              -1, 0);

    return at != a->start ? cr_plan_fail(plan, (int)-at, "cannot map the area at ", a->start) : 0;
}

static int replace_idle(struct cr_plan *plan, const struct cr_plan_area *a)
{
    int rc = open_file(plan, a);
    uint64_t at = rc < 0 ? (uint64_t)rc
                         : cr_sys_mmap(a->start, a->end - a->start, (int)a->protection,
                                       MAP_SHARED | MAP_FIXED, plan->files[a->file].fd, a->offset);

    return at != a->start ? cr_plan_fail(plan, (int)-at, "cannot map the area at ", a->start) : 0;
}

static int map_area(struct cr_plan *plan, const struct cr_plan_area *a)
{
    int protection = (int)a->protection | (a->filled ? PROT_WRITE : 0);
    int fd = -1;
    uint64_t at;

    if (a->file >= 0 && plan->files[a->file].sysv != 0)
        return map_segment(plan, a);
    if (is_idle(plan, a))
        return map_idle(plan, a);
    if (a->file >= 0) {
        int rc = open_file(plan, a);
        if (rc < 0)
            return rc;
        fd = plan->files[a->file].fd;
    }
    at = cr_sys_mmap(a->start, a->end - a->start, protection, map_flags(plan, a), fd,
                     fd >= 0 ? a->offset : 0);
    if (at == (uint64_t)-EEXIST)
        return cr_plan_fail(plan, CR_ECOLLISION, "something is mapped already at ", a->start);
    if (at == (uint64_t)-ENOMEM && (a->vm_flags & CR_ADVICE_HUGETLB) != 0)
        return cr_plan_fail(plan, ENOMEM,
                            "no huge pages are free (sysctl vm.nr_hugepages) for the area at ",
                            a->start);
    if (at != a->start)
        return cr_plan_fail(plan, (int)-at, "cannot map the area at ", a->start);
    if ((a->vm_flags & CR_ADVICE_HUGE) != 0)
        cr_sys(SYS_madvise, a->start, a->end - a->start, MADV_HUGEPAGE);
    return 0;
}

static int is_mapped(const struct cr_plan_area *a)
{
    return a->kind != quiesce_image_AreaKind_AREA_VDSO &&
           a->kind != quiesce_image_AreaKind_AREA_SKIPPED;
}

int cr_plan_map(struct cr_plan *plan)
{
    for (size_t i = 0; i < plan->area_count; i++) {
        int rc = is_mapped(&plan->areas[i]) ? map_area(plan, &plan->areas[i]) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int cr_plan_protect(struct cr_plan *plan)
{
    for (size_t i = 0; i < plan->area_count; i++) {
        const struct cr_plan_area *a = &plan->areas[i];
        int rc = is_idle(plan, a) ? replace_idle(plan, a) : 0;
        int writable = a->filled || (a->file >= 0 && plan->files[a->file].sysv != 0);
        if (rc < 0)
            return rc;
        if (is_mapped(a) && writable && !is_idle(plan, a) && (a->protection & PROT_WRITE) == 0)
            rc = cr_sys_mprotect(a->start, a->end - a->start, (int)a->protection);
        if (rc < 0)
            return cr_plan_fail(plan, -rc, "cannot protect the area at ", a->start);
    }
    for (size_t i = 0; i < plan->file_count; i++)
        if (plan->files[i].fd >= 0)
            cr_sys_close(plan->files[i].fd);
    cr_sys_close(plan->image_fd);
    return 0;
}

int cr_plan_tell_agent(struct cr_plan *plan)
{
    struct cr_agent_state *state = (struct cr_agent_state *)plan->agent_state;

    if (state->magic != CR_AGENT_STATE_MAGIC || state->version != CR_AGENT_STATE_VERSION)
        return cr_plan_fail(plan, CR_EIMAGEVERSION, "the image holds no agent of this version at ",
                            plan->agent_state);
    state->restorer_start = plan->region_start;
    state->restorer_end = plan->region_end;
    for (size_t i = 0; i < plan->id_count; i++)
        *(volatile int32_t *)plan->ids[i].address = plan->ids[i].value;
    state->lower_half = (uint32_t)plan->keep_others;
    state->handoff_fd = plan->handoff_fd;
    state->restart_fd = plan->restart_fd;
    state->handoff_member = plan->handoff_member;
    return 0;
}
