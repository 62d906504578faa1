/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Timers with SIGEV_THREAD. */
#ifndef CR_PRELOAD_NOTIFY_H
#define CR_PRELOAD_NOTIFY_H

#include <signal.h>
#include <time.h>

/* timer_create() for an EVENT with SIGEV_THREAD: 0, or -1 with errno. */
int cr_preload_notify_create(clockid_t clock, const struct sigevent *event, timer_t *ret_timer);

/* In the child of a fork(). */
void cr_preload_notify_forked(void);

#endif
