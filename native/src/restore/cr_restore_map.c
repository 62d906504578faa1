/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Into this process, which keeps all that it has: the upper half of an MPI rank.
 */
#include "cr_restore_parts.h"

#include "cr_sys.h"

#include <errno.h>

/* Where a failure belongs to an area, its address is the last word of the plan's text. */
static int explain(const struct cr_restore *r, struct cr_error *err)
{
    return cr_fail(err, r->plan->error, "%s: %s", r->path, r->plan->text);
}

int cr_restore_map(struct cr_restore *r, struct cr_error *err)
{
    struct cr_plan *plan = cr_restore_alloc(r, sizeof(*plan), err);

    if (plan == NULL)
        return -ENOMEM;
    cr_restore_fill_plan(r, plan);
    plan->keep_others = 1;
    plan->exact_tids = -1;
    for (int i = 0; i < CR_PLAN_READERS; i++) {
        uint8_t *stack = cr_restore_alloc(r, CR_PLAN_STACK, err);
        if (stack == NULL)
            return -ENOMEM;
        plan->stacks[i] = (uint64_t)stack + CR_PLAN_STACK;
    }
    r->plan = plan;
    if (cr_plan_map(plan) < 0 || cr_plan_fill(plan) < 0 || cr_plan_protect(plan) < 0)
        return explain(r, err);
    r->reader.fd = -1;
    return 0;
}

int cr_restore_run(struct cr_restore *r, struct cr_error *err)
{
    const uint64_t all = ~0UL;

    if (r->plan == NULL)
        return cr_fail(err, CR_EINTERNAL, "cr_restore_run() before cr_restore_map()");
    if (cr_plan_tell_agent(r->plan) < 0)
        return explain(r, err);
    cr_sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, 8);
    if (cr_plan_start_threads(r->plan) < 0)
        return explain(r, err);
    cr_plan_become_main(r->plan);
}
