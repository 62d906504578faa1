/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: restorer. The process gives up all that it has, and becomes that of the image. This code
 * and the plan lie in a region that is free in both.
 */
#include "cr_restorer.h"

#include "cr_error.h"
#include "cr_handoff.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define STATUS_GIVEN_UP 8 /* cr_restart, which is told why, ends with another one */
#define USER_END 0x7ffffffff000UL

static size_t length(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0')
        n++;
    return n;
}

/* cr_restart waits for this, and tells it. */
static void report(const struct cr_plan *plan)
{
    struct cr_return_report r;
    size_t n = length(plan->text);

    r.stage = CR_RETURN_FAILED;
    r.code = plan->error;
    for (size_t i = 0; i <= n; i++)
        r.text[i] = plan->text[i];
    cr_sys(SYS_sendto, plan->restart_fd, &r, sizeof(r), MSG_NOSIGNAL, 0, 0);
}

__attribute__((noreturn)) static void give_up(const struct cr_plan *plan)
{
    report(plan);
    for (;;)
        cr_sys(SYS_exit_group, STATUS_GIVEN_UP);
}

/*
 * The vdso goes aside, everything but our own region goes, and the vdso goes where the image has
 * it.
 */
static int clear_address_space(struct cr_plan *plan)
{
    uint64_t at = plan->parking;

    for (size_t i = 0; i < plan->vdso_count; i++) {
        struct cr_plan_vdso *v = &plan->vdso[i];
        uint64_t rc = (uint64_t)cr_sys(SYS_mremap, v->from, v->size, v->size,
                                       MREMAP_MAYMOVE | MREMAP_FIXED, at);
        if (rc != at)
            return cr_plan_fail(plan, CR_EVDSO, "cannot move the vdso from ", v->from);
        v->from = at;
        at += v->size;
    }
    cr_sys_munmap(0, plan->region_start);
    cr_sys_munmap(plan->region_end, USER_END - plan->region_end);
    for (size_t i = 0; i < plan->vdso_count; i++) {
        const struct cr_plan_vdso *v = &plan->vdso[i];
        uint64_t rc = (uint64_t)cr_sys(SYS_mremap, v->from, v->size, v->size,
                                       MREMAP_MAYMOVE | MREMAP_FIXED, v->to);
        if (rc != v->to)
            return cr_plan_fail(plan, CR_EVDSO, "cannot move the vdso to ", v->to);
    }
    return 0;
}

/*
 * Only the exe link needs a right (CAP_CHECKPOINT_RESTORE); the rest is put back by the agent as
 * well.
 */
static void set_memory_map(struct cr_plan *plan)
{
    if (plan->mm.start_code == 0)
        return;
    cr_sys(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &plan->mm, sizeof(plan->mm), 0);
    if ((int)plan->mm.exe_fd >= 0)
        cr_sys_close((int)plan->mm.exe_fd);
}

void cr_restorer_main(void *argument)
{
    struct cr_plan *plan = argument;

    if (clear_address_space(plan) < 0 || cr_plan_map(plan) < 0 || cr_plan_fill(plan) < 0 ||
        cr_plan_protect(plan) < 0 || cr_plan_tell_agent(plan) < 0)
        give_up(plan);
    set_memory_map(plan);
    if (cr_plan_start_threads(plan) < 0)
        give_up(plan);
    cr_plan_become_main(plan);
}
