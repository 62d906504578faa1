/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Timers on the CPU time of the calling thread: the kernel does not tell later whose they are, so they
 * are made on the same clock by the thread's id.
 */
#include "cr_preload.h"
#include "cr_preload_notify.h"
#include "cr_sys.h"

#include <time.h>

#define THREAD_CLOCK 6 /* the scheduler's time of one thread; above it, inverted, its id */

CR_WRAPPER int timer_create(clockid_t clock, struct sigevent *event, timer_t *ret_timer)
{
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        clock = (clockid_t)((uint32_t)~cr_sys_gettid() << 3 | THREAD_CLOCK);
    if (event != NULL && event->sigev_notify == SIGEV_THREAD)
        return cr_preload_notify_create(clock, event, ret_timer);
    return CR_NEXT(timer_create)(clock, event, ret_timer);
}
