/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Threads of the lower half. All of them block every signal from their first
 * instruction on, so signals to the process go to the application's threads. The executable exports
 * pthread_create, so the libraries of the lower half call ours.
 */
#ifndef CR_LOWER_THREADS_H
#define CR_LOWER_THREADS_H

#include "cr_error.h"

#include <stdint.h>

struct cr_shadow;

/* Starts the thread that makes shadows. */
int cr_lower_threads_start(struct cr_error *err);

/*
 * Makes a parked pthread and lends its TCB. Callable with any FS base, by any thread but those of
 * the lower half. Returns 0 or an errno.
 */
int cr_lower_threads_new_shadow(struct cr_shadow *ret_shadow);

/* The TCB of the calling thread, which must be one of the lower half. */
void cr_lower_threads_own_shadow(struct cr_shadow *ret_shadow);

/* FS base of the upper thread that has borrowed the current TCB. */
uint64_t cr_lower_threads_upper_fs(void);

/*
 * 1 if the kernel thread TID belongs to the lower half. Any FS base, frozen. While a lower thread
 * is being started it waits (a few microseconds) until that one is known.
 */
int cr_lower_threads_is_lower(int tid);

#endif
