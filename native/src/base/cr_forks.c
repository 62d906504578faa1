/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_forks.h"

#include "cr_sys.h"

#define TRIES 50 /* of a millisecond: a fork takes less, but for a very large process */

static volatile uint32_t held;  /* futex: how often */
static volatile uint32_t forks; /* futex: in progress */
static volatile uint32_t stopped;

void cr_forks_hold(void)
{
    static const struct timespec STEP = {0, 1000000};
    uint32_t now;

    if (__atomic_add_fetch(&held, 1, __ATOMIC_SEQ_CST) > 1 || stopped)
        return;
    for (int i = 0; i < TRIES && (now = __atomic_load_n(&forks, __ATOMIC_SEQ_CST)) != 0; i++)
        cr_sys_futex_wait(&forks, now, &STEP);
}

void cr_forks_let(void)
{
    if (__atomic_sub_fetch(&held, 1, __ATOMIC_SEQ_CST) == 0)
        cr_sys_futex_wake(&held, INT32_MAX);
}

void cr_forks_stopped(int now)
{
    stopped = now != 0;
}

void cr_forks_begin(void)
{
    uint32_t now;

    for (;;) {
        __atomic_add_fetch(&forks, 1, __ATOMIC_SEQ_CST);
        now = __atomic_load_n(&held, __ATOMIC_SEQ_CST);
        if (now == 0)
            return;
        cr_forks_end();
        cr_sys_futex_wait(&held, now, NULL);
    }
}

void cr_forks_end(void)
{
    if (__atomic_sub_fetch(&forks, 1, __ATOMIC_SEQ_CST) == 0)
        cr_sys_futex_wake(&forks, 1);
}

void cr_forks_child(void)
{
    forks = 0;
    held = 0;
    stopped = 0;
}
