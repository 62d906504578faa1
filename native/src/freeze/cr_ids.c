/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The ids of threads that came back with other ids than the application knows.
 * glibc keeps the tid in each thread's control block, where mutexes take it from, so the old one
 * stays there and calls that take ids translate.
 */
#include "cr_park.h"

#include "cr_sys.h"

#define MAX_PAIRS 16384

struct pair {
    int32_t known, kernel;
};

/* Written with all threads parked; read at any time. In .bss: only what is used costs memory. */
static struct pair pairs[MAX_PAIRS];
static volatile uint32_t pair_count;

void cr_park_remember_ids(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < cr_freeze.count && cr_freeze.virtual_ids != 0; i++) {
        const struct cr_thread *t = &cr_freeze.threads[i];
        if (t->gone == 0 && t->tid != t->kernel_tid)
            pairs[n++] = (struct pair){t->tid, t->kernel_tid};
    }
    __atomic_store_n(&pair_count, n, __ATOMIC_RELEASE);
}

int cr_freeze_kernel_tid(int tid)
{
    if (__builtin_expect(cr_freeze.virtual_ids == 0, 1))
        return tid;
    for (uint32_t i = 0; i < pair_count; i++)
        if (pairs[i].known == tid)
            return pairs[i].kernel;
    return tid;
}

int cr_freeze_known_tid(int kernel_tid)
{
    if (__builtin_expect(cr_freeze.virtual_ids == 0, 1))
        return kernel_tid;
    for (uint32_t i = 0; i < pair_count; i++)
        if (pairs[i].kernel == kernel_tid)
            return pairs[i].known;
    return kernel_tid;
}
