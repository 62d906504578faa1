/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the wrappers around libc functions share. */
#ifndef CR_PRELOAD_H
#define CR_PRELOAD_H

#include "cr_freeze.h"

#include <signal.h>
#include <stdint.h>

#define CR_PRELOAD_SIGNAL_BIT (1UL << (CR_STOP_SIGNAL - 1))

/* Marks a wrapper as visible to the application. */
#define CR_WRAPPER __attribute__((visibility("default")))

/* Starts the agent, unless that has been done. */
void cr_agent_load(void);

/*
 * Finds libc's own functions; wrappers called before (by constructors of other libraries) find
 * theirs at the first call.
 */
void cr_preload_resolve(void);
void cr_preload_resolve_sockets(void);

/*
 * The next definition of NAME behind this library; never NULL: without it the process ends with a
 * message.
 */
void *cr_preload_next(const char *name);

/* Calls libc's own function NAME through a pointer that is looked up once. */
#define CR_NEXT(name)                                                                              \
    ({                                                                                             \
        static __typeof__(name) *cr_next_function;                                                 \
        if (cr_next_function == NULL)                                                              \
            cr_next_function = (__typeof__(name) *)cr_preload_next(#name);                         \
        cr_next_function;                                                                          \
    })

#endif
