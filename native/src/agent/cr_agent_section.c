/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Critical sections of the process: no stop begins while one is open. */
#include "cr_agent_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <signal.h>

#define CHECK_INTERVAL_NS 2000000

static volatile uint32_t sections_open;   /* futex: threads inside */
static volatile uint32_t sections_closed; /* futex: 1 while a stop waits or holds */
static __thread uint32_t own_depth __attribute__((tls_model("initial-exec")));

/*
 * A signal handler of the application that enters a section between two steps of its own thread would wait for a stop that
 * waits for that thread.
 */
static uint64_t block_signals(void)
{
    const uint64_t all = ~0UL;
    uint64_t before = 0;

    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    return before;
}

static void unblock_signals(uint64_t before)
{
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

static int enter_first(void)
{
    uint64_t before = block_signals();
    int entered = 1;

    __atomic_add_fetch(&sections_open, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&sections_closed, __ATOMIC_SEQ_CST) != 0) {
        if (__atomic_sub_fetch(&sections_open, 1, __ATOMIC_SEQ_CST) == 0)
            cr_sys_futex_wake(&sections_open, 1);
        entered = 0;
    }
    own_depth += (uint32_t)entered;
    unblock_signals(before);
    return entered;
}

CR_AGENT_EXPORT int cr_section_try_enter(void)
{
    if (own_depth == 0)
        return sections_closed == 0 && enter_first();
    own_depth++;
    return 1;
}

static void await_open(void)
{
    while (__atomic_load_n(&sections_closed, __ATOMIC_SEQ_CST) != 0)
        cr_sys_futex_wait(&sections_closed, 1, NULL);
}

CR_AGENT_EXPORT void cr_section_enter(void)
{
    while (!cr_section_try_enter())
        await_open();
}

/* Returns 1 if the thread was the last one in a section. */
static int leave(void)
{
    uint32_t left;
    uint64_t before;

    if (own_depth == 0)
        return -EINVAL;
    if (own_depth > 1) {
        own_depth--;
        return 0;
    }
    before = block_signals();
    own_depth = 0;
    left = __atomic_sub_fetch(&sections_open, 1, __ATOMIC_SEQ_CST);
    if (left == 0)
        cr_sys_futex_wake(&sections_open, 1);
    unblock_signals(before);
    return left == 0;
}

CR_AGENT_EXPORT int cr_section_leave(void)
{
    int rc = leave();

    if (rc > 0)
        await_open();
    return rc < 0 ? rc : 0;
}

CR_AGENT_EXPORT int cr_section_leave_at_once(void)
{
    int rc = leave();

    return rc < 0 ? rc : 0;
}

CR_AGENT_EXPORT uint32_t cr_section_depth(void)
{
    return own_depth;
}

CR_AGENT_EXPORT void cr_section_leave_all(void)
{
    if (own_depth == 0)
        return;
    own_depth = 1;
    leave();
}

int cr_section_close(struct cr_link *link, int64_t timeout_ns, struct cr_error *err)
{
    const struct timespec interval = {0, CHECK_INTERVAL_NS};
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + timeout_ns;
    uint32_t inside;

    __atomic_store_n(&sections_closed, 1, __ATOMIC_SEQ_CST);
    while ((inside = __atomic_load_n(&sections_open, __ATOMIC_SEQ_CST)) != 0) {
        if (timeout_ns != 0 && cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
            return cr_fail(err, CR_EREFUSED,
                           "the program did not leave its critical section (cr_enter_cs) in time");
        if (cr_link_cancelled(link))
            return cr_fail(err, CR_ECANCELLED, "the requester gave up");
        cr_sys_futex_wait(&sections_open, inside, &interval);
    }
    return 0;
}

void cr_section_open(void)
{
    __atomic_store_n(&sections_closed, 0, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&sections_closed, INT32_MAX);
}

/* The child's only thread is the one that called fork(). */
void cr_section_forked(void)
{
    sections_open = own_depth != 0;
    cr_section_open();
}
