/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_image_team.h"

#include "cr_machine.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

#define STACK_SIZE (32UL << 10)

struct helper {
    cr_team_fn work;
    void *member;
    volatile uint32_t tid;
};

static void helper_main(void *argument)
{
    struct helper *h = argument;

    /* Whoever looks for the agent by its name must not find a helper. */
    cr_sys(SYS_prctl, PR_SET_NAME, "cr-writer");
    h->work(h->member);
}

static int start(struct cr_arena *arena, struct helper *h)
{
    static const uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                                  CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    uint8_t *stack = cr_arena_alloc(arena, STACK_SIZE);
    long rc;

    if (stack == NULL)
        return -ENOMEM;
    h->tid = 1; /* the kernel clears it when the helper has ended */
    rc = cr_machine_clone(flags, stack + STACK_SIZE, &h->tid, helper_main, h);
    if (rc < 0)
        h->tid = 0;
    return rc < 0 ? (int)rc : 0;
}

static void join(struct helper *h)
{
    /* Not FUTEX_PRIVATE: the kernel's own wake at the end of a thread is a shared one. */
    while (h->tid != 0)
        cr_sys(SYS_futex, &h->tid, FUTEX_WAIT, 1, 0, 0, 0);
}

void cr_team_run(struct cr_arena *arena, cr_team_fn work, void *first, size_t size, int count)
{
    struct helper helpers[CR_TEAM_MAX] = {0};
    uint64_t all = ~0UL;
    uint64_t old = 0;

    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
    for (int i = 1; i < count; i++) {
        helpers[i] = (struct helper){work, (uint8_t *)first + (size_t)i * size, 0};
        if (start(arena, &helpers[i]) < 0)
            break;
    }
    work(first);
    for (int i = 1; i < count; i++)
        join(&helpers[i]);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, sizeof(all));
}
