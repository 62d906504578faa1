/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. This process gives itself up and becomes that of the image. */
#include "cr_restore_parts.h"

#include "cr_restorer_code.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HIGH_DESCRIPTOR 900

/* Takes the next SIZE bytes of the region. */
static void *take(uint64_t *at, size_t size)
{
    void *p = (void *)*at;

    *at += (size + 63) & ~63UL;
    return p;
}

static void *copy(uint64_t *at, const void *from, size_t size)
{
    void *p = take(at, size);

    memcpy(p, from, size);
    return p;
}

static size_t paths_size(const struct cr_restore *r)
{
    size_t size = 0;

    for (size_t i = 0; i < r->file_count; i++)
        size += (strlen(r->files[i].path) + 1 + 63) & ~63UL;
    return size;
}

static size_t tables_size(const struct cr_restore *r, const struct cr_plan *plan)
{
    return sizeof(*plan) + plan->area_count * sizeof(*plan->areas) +
           plan->file_count * sizeof(*plan->files) + plan->run_count * sizeof(*plan->runs) +
           plan->chunk_count * sizeof(*plan->chunks) + plan->thread_count * sizeof(*plan->threads) +
           plan->id_count * sizeof(*plan->ids) + paths_size(r) + r->mm->auxv.size + 16 * 64;
}

static uint64_t vdso_size(const struct cr_plan *plan)
{
    uint64_t size = 0;

    for (size_t i = 0; i < plan->vdso_count; i++)
        size += plan->vdso[i].size;
    return size;
}

static void plan_mm(const struct cr_restore *r, struct cr_plan *plan, uint64_t *at)
{
    const quiesce_image_Mm *mm = r->mm;
    int fd = cr_sys_open(mm->executable, O_RDONLY | O_CLOEXEC, 0);
    int high = fd >= 0 ? (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR) : -1;

    if (fd >= 0)
        cr_sys_close(fd);
    plan->mm = (struct prctl_mm_map){
        .start_code = mm->start_code,
        .end_code = mm->end_code,
        .start_data = mm->start_data,
        .end_data = mm->end_data,
        .start_brk = mm->start_brk,
        .brk = mm->brk,
        .start_stack = mm->start_stack,
        .arg_start = mm->arg_start,
        .arg_end = mm->arg_end,
        .env_start = mm->env_start,
        .env_end = mm->env_end,
        .auxv = copy(at, mm->auxv.bytes, mm->auxv.size),
        .auxv_size = mm->auxv.size,
        .exe_fd = (uint32_t)high,
    };
}

/* The plan and all that it points to, from *AT on. */
static struct cr_plan *copy_plan(const struct cr_restore *r, const struct cr_plan *plan,
                                 uint64_t *at)
{
    struct cr_plan *p = copy(at, plan, sizeof(*plan));

    p->areas = copy(at, plan->areas, plan->area_count * sizeof(*plan->areas));
    p->files = copy(at, plan->files, plan->file_count * sizeof(*plan->files));
    p->runs = copy(at, plan->runs, plan->run_count * sizeof(*plan->runs));
    p->chunks = copy(at, plan->chunks, plan->chunk_count * sizeof(*plan->chunks));
    p->ids = copy(at, plan->ids, plan->id_count * sizeof(*plan->ids));
    p->threads = copy(at, plan->threads, plan->thread_count * sizeof(*plan->threads));
    for (size_t i = 0; i < p->file_count; i++)
        p->files[i].path = copy(at, plan->files[i].path, strlen(plan->files[i].path) + 1);
    plan_mm(r, p, at);
    return p;
}

static int map_region(const struct cr_restore *r, size_t size, uint64_t *ret_start,
                      struct cr_error *err)
{
    uint64_t start = 0;
    uint64_t at;
    int rc = cr_restore_find_hole(r, size, &start, err);

    if (rc < 0)
        return rc;
    at = cr_sys_mmap(start, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != start)
        return cr_fail(err, (int)-at, "cannot make room for the restorer at 0x%lx",
                       (unsigned long)start);
    *ret_start = start;
    return 0;
}

/* The region: code, plan, stacks, and address space for the vdso on its way. */
static int build_region(struct cr_restore *r, struct cr_plan *plan, struct cr_plan **ret_plan,
                        uint64_t *ret_stack, struct cr_error *err)
{
    size_t code = CR_PAGE_UP(cr_restorer_code_end - cr_restorer_code);
    size_t stacks = (CR_PLAN_READERS + 1) * CR_PLAN_STACK;
    size_t tables = CR_PAGE_UP(tables_size(r, plan));
    size_t size = code + tables + stacks + CR_PAGE_UP(vdso_size(plan));
    uint64_t start = 0;
    uint64_t at;
    struct cr_plan *p;
    int rc = map_region(r, size, &start, err);

    if (rc < 0)
        return rc;
    memcpy((void *)start, cr_restorer_code, (size_t)(cr_restorer_code_end - cr_restorer_code));
    at = start + code;
    p = copy_plan(r, plan, &at);
    at = start + code + tables;
    for (int i = 0; i < CR_PLAN_READERS; i++)
        p->stacks[i] = at + (uint64_t)(i + 1) * CR_PLAN_STACK;
    *ret_stack = at + stacks;
    p->parking = at + stacks;
    p->region_start = start;
    p->region_end = start + size;
    *ret_plan = p;
    return 0;
}

int cr_restore_exec(struct cr_restore *r, const struct cr_restore_become *how, struct cr_error *err)
{
    const uint64_t all = ~0UL;
    struct cr_plan plan;
    struct cr_plan *p = NULL;
    uint64_t stack = 0;
    int rc;

    cr_restore_fill_plan(r, &plan);
    plan.exact_tids = how->exact_tids;
    plan.handoff_fd = how->handoff_fd;
    plan.restart_fd = how->restart_fd;
    plan.handoff_member = how->handoff_member;
    rc = cr_restore_plan_vdso(r, &plan, err);
    if (rc == 0)
        rc = build_region(r, &plan, &p, &stack, err);
    if (rc < 0)
        return rc;
    cr_sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, 8);
    /* The C library's rseq area goes away with everything else. */
    cr_restore_leave_rseq();
    cr_context_call((void (*)(void *))p->region_start, stack, p);
}
