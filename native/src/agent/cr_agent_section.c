/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Critical sections of the process: no stop begins while one is open. */
#include "cr_agent_parts.h"

#include "cr_sys.h"

#include <errno.h>

#define CHECK_INTERVAL_NS 2000000

static volatile uint32_t sections_open;   /* futex: threads inside, nested entries counted */
static volatile uint32_t sections_closed; /* futex: 1 while a stop waits or holds */
static __thread uint32_t own_depth __attribute__((tls_model("initial-exec")));

int cr_section_try_enter(void)
{
    if (own_depth == 0 && sections_closed != 0)
        return 0;
    __atomic_add_fetch(&sections_open, 1, __ATOMIC_SEQ_CST);
    if (own_depth == 0 && __atomic_load_n(&sections_closed, __ATOMIC_SEQ_CST) != 0) {
        __atomic_sub_fetch(&sections_open, 1, __ATOMIC_SEQ_CST);
        cr_sys_futex_wake(&sections_open, 1);
        return 0;
    }
    own_depth++;
    return 1;
}

void cr_section_enter(void)
{
    while (!cr_section_try_enter())
        cr_sys_futex_wait(&sections_closed, 1, NULL);
}

int cr_section_leave(void)
{
    if (own_depth == 0)
        return -EINVAL;
    own_depth--;
    if (__atomic_sub_fetch(&sections_open, 1, __ATOMIC_SEQ_CST) == 0)
        cr_sys_futex_wake(&sections_open, 1);
    return 0;
}

int cr_section_close(int64_t timeout_ns, struct cr_error *err)
{
    const struct timespec interval = {0, CHECK_INTERVAL_NS};
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + timeout_ns;
    uint32_t inside;

    __atomic_store_n(&sections_closed, 1, __ATOMIC_SEQ_CST);
    while ((inside = __atomic_load_n(&sections_open, __ATOMIC_SEQ_CST)) != 0) {
        if (cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return cr_fail(err, CR_EREFUSED,
                           "the program did not leave its critical section (cr_enter_cs) in time");
        cr_sys_futex_wait(&sections_open, inside, &interval);
    }
    return 0;
}

void cr_section_open(void)
{
    __atomic_store_n(&sections_closed, 0, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&sections_closed, INT32_MAX);
}
