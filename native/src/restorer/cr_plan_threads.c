/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: restorer. The threads of the image: each begins where it parked, in its stop handler. */
#include "cr_plan.h"

#include "cr_error.h"
#include "cr_sys.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/sched.h>

#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_SETTLS)
#define RED_ZONE 128
#define TID_ATTEMPTS 1000

static long start_with_tid(const struct cr_thread *t, int tid)
{
    struct clone_args args;
    pid_t wanted = tid;

    for (size_t i = 0; i < sizeof(args) / sizeof(uint64_t); i++)
        ((volatile uint64_t *)&args)[i] = 0;
    args.flags = THREAD_FLAGS;
    args.stack = t->context.rsp - RED_ZONE - 4096;
    args.stack_size = 4096;
    args.tls = t->fs_base;
    args.set_tid = (uint64_t)&wanted;
    args.set_tid_size = 1;
    return cr_context_clone3(&t->context, &args, sizeof(args));
}

/*
 * The id may still belong to a reader of page data, or to a thread of a process that was killed a
 * moment ago.
 */
static long start_with_free_tid(const struct cr_thread *t, int tid)
{
    const struct timespec pause = {0, 2000000};
    long rc = start_with_tid(t, tid);

    for (int i = 0; i < TID_ATTEMPTS && rc == -EEXIST; i++) {
        cr_sys(SYS_nanosleep, &pause, 0);
        rc = start_with_tid(t, tid);
    }
    return rc;
}

static int start_thread(struct cr_plan *plan, const struct cr_plan_thread *p)
{
    const struct cr_thread *t = (const struct cr_thread *)p->context;
    long rc = -EPERM;

    if (plan->exact_tids >= 0)
        rc = start_with_free_tid(t, p->tid);
    if (rc < 0 && plan->exact_tids > 0)
        return cr_plan_fail(plan, rc == -EEXIST ? CR_EPIDTAKEN : (int)-rc,
                            "cannot give a thread its old id ", (uint64_t)p->tid);
    if (rc < 0)
        rc = cr_context_clone(&t->context, THREAD_FLAGS, t->fs_base);
    return rc < 0 ? cr_plan_fail(plan, (int)-rc, "cannot start thread ", (uint64_t)p->tid) : 0;
}

int cr_plan_start_threads(struct cr_plan *plan)
{
    for (size_t i = 0; i < plan->thread_count; i++) {
        int rc = plan->threads[i].is_main ? 0 : start_thread(plan, &plan->threads[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void cr_plan_become_main(struct cr_plan *plan)
{
    for (size_t i = 0; i < plan->thread_count; i++) {
        const struct cr_thread *t = (const struct cr_thread *)plan->threads[i].context;
        if (!plan->threads[i].is_main)
            continue;
        cr_sys(SYS_arch_prctl, ARCH_SET_FS, t->fs_base);
        cr_context_jump(&t->context);
    }
    for (;;)
        cr_sys(SYS_exit_group, 8);
}
