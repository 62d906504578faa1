/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Whether this rank does nothing but wait for a message. What is not known for certain counts as "no": if all
 * ranks say so, people are told that their job is deadlocked.
 */
#include "cr_agent_parts.h"
#include "cr_fmt.h"
#include "cr_sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/time.h>

/* The agent's own thread and one of the application. */
enum { THREADS = 2 };

static int has_one_thread(void)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads), there = 0;

    for (size_t i = 0; i < count; i++)
        there += threads[i].gone == 0;
    return there == THREADS;
}

/* A signal of a timer may run a handler that does anything, out of a call of MPI as well. */
static int has_timers(void)
{
    char byte;
    int fd;
    long rc;

    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer = {0};

        if (cr_sys(SYS_getitimer, which, &timer) < 0 || timer.it_value.tv_sec != 0 ||
            timer.it_value.tv_usec != 0)
            return 1;
    }
    fd = (int)cr_sys(SYS_openat, AT_FDCWD, "/proc/self/timers", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 1;
    rc = cr_sys_read(fd, &byte, 1);
    cr_sys_close(fd);
    return rc != 0;
}

/* Those around a checkpoint may send messages. */
static int has_callbacks(void)
{
    const struct cr_callbacks *callbacks = cr_agent_callbacks();

    return callbacks->in_thread_context != 0 || callbacks->in_signal_context != 0 ||
           callbacks->is_early != 0;
}

void cr_agent_waits(quiesce_wire_RankResult *result)
{
    const struct cr_rank_ops *ops = cr_agent.ops;
    struct cr_rank_wait wait;

    if (ops == NULL || ops->waits == NULL || !has_one_thread() || has_timers() || has_callbacks() ||
        !ops->waits(&wait))
        return;
    cr_str_copy(result->waits_in, sizeof(result->waits_in), wait.name);
    result->waits_for_count =
        (pb_size_t)cr_agent_ranges(wait.ranks, wait.count, result->waits_for,
                                   sizeof(result->waits_for) / sizeof(*result->waits_for));
}
