/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_dump_threads.h"

#include "cr_freeze.h"
#include "cr_state_thread.h"
#include "cr_sys.h"

#include <linux/futex.h>

/* struct robust_list_head of the kernel. */
struct robust_head {
    uint64_t next; /* itself: nothing is held */
    int64_t offset;
    uint64_t pending;
};

/* If that has ended, the agent's own have to do. */
static const struct cr_credentials *of_main_thread(const struct cr_thread *threads, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (threads[i].gone == 0 && threads[i].kernel_tid == cr_sys_getpid())
            return &cr_freeze_attributes(&threads[i])->credentials;
    }
    return &cr_freeze_attributes(&threads[0])->credentials;
}

int cr_dump_threads_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    const struct cr_credentials *own = &cr_freeze_attributes(&threads[0])->credentials;
    int rc;

    cr_attributes_save(cr_freeze_attributes(&threads[0]));
    for (size_t i = 1; i < count; i++) {
        const struct cr_credentials *c = &cr_freeze_attributes(&threads[i])->credentials;

        if (threads[i].gone == 0 &&
            (c->group_count != own->group_count || c->group_hash != own->group_hash))
            return cr_fail(err, CR_EREFUSED,
                           "thread %d has other supplementary groups than the rest of the "
                           "process; let all threads have the same before the checkpoint",
                           threads[i].tid);
    }
    rc = cr_attributes_collect(state, err);
    return rc < 0 ? rc : cr_credentials_collect(state, of_main_thread(threads, count), err);
}

static int is_held(const struct cr_thread *t)
{
    const struct robust_head *head = (const struct robust_head *)t->robust_list;

    return head != NULL && ((head->next & ~1UL) != (uint64_t)head || head->pending != 0);
}

static int waits_for_pi(const struct cr_thread *t)
{
    uint64_t operation = t->call.args[1] & FUTEX_CMD_MASK;

    return t->call.number == SYS_futex &&
           (operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2 ||
            operation == FUTEX_WAIT_REQUEUE_PI);
}

/* The word of such a mutex holds the kernel's id of its owner, which the kernel goes by. */
static int check_mutexes(const struct cr_thread *t, struct cr_error *err)
{
    if (t->tid == t->kernel_tid || (!is_held(t) && !waits_for_pi(t)))
        return 0;
    return cr_fail(err, CR_EPIDTAKEN,
                   "thread %d %s, which is bound to its old thread id; restart as root, or with "
                   "--pidns",
                   t->tid,
                   is_held(t) ? "holds a robust mutex"
                              : "waits for a mutex with priority inheritance");
}

/* Without wrappers nobody tells the program its old ids. */
static int check_ids(const struct cr_thread *t, struct cr_error *err)
{
    if (!cr_freeze_is_unwrapped() || t->tid == t->kernel_tid)
        return 0;
    return cr_fail(err, CR_EPIDTAKEN,
                   "thread %d must have its old id again, as the program was not started with "
                   "cr_run; restart as root, or with --pidns",
                   t->tid);
}

int cr_dump_threads_finish(struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    int rc = 0;

    cr_attributes_restore(cr_freeze_attributes(&threads[0]));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (threads[i].gone != 0)
            continue;
        rc = cr_attributes_check(cr_freeze_attributes(&threads[i]), threads[i].tid, err);
        if (rc == 0)
            rc = check_mutexes(&threads[i], err);
        if (rc == 0 && i > 0)
            rc = check_ids(&threads[i], err);
    }
    return rc;
}
