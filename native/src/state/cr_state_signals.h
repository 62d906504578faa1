/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Signals: actions, and what is pending. Masks and alternate stacks are not here: they are in the signal
 * frame of each parked thread and come back when its stop handler returns.
 *
 * A signal that is pending for one thread can only be looked at by that thread. So each stop handler calls
 * cr_signals_collect_thread() before it waits, and cr_signals_put_back_thread() when it comes back in a restored process.
 */
#ifndef CR_STATE_SIGNALS_H
#define CR_STATE_SIGNALS_H

#include <stdint.h>

/* The signal by which the agent is woken and threads are parked; never saved as pending. */
#define CR_CHECKPOINT_SIGNAL 61

/* As many pending signals as one image holds, all threads together. */
#define CR_PENDING_MAX 8192

/* By the agent, before the first thread is signalled: forgets what the threads collected for the checkpoint before. */
void cr_signals_begin(void);

/*
 * By a thread in its stop handler, with all signals blocked: copies the signals that are pending for it alone and leaves
 * them pending, in their order. TID: the tid that the application knows. One system call if nothing is pending.
 */
void cr_signals_collect_thread(int32_t tid);

/* By a thread of a restored process in its stop handler: makes pending again what was pending for TID. */
void cr_signals_put_back_thread(int32_t tid);

#endif
