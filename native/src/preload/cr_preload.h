/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the wrappers around libc functions share. */
#ifndef CR_PRELOAD_H
#define CR_PRELOAD_H

#include "cr_freeze.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#define CR_PRELOAD_SIGNAL_BIT (1UL << (CR_STOP_SIGNAL - 1))

/* Marks a wrapper as visible to the application. */
#define CR_WRAPPER __attribute__((visibility("default")))

/* Starts the agent, unless that has been done. */
void cr_agent_load(void);

/*
 * Finds all of libc's own functions that wrappers call: looking one up takes locks, and signal handlers may call wrappers.
 * Those that are called before (by constructors of other libraries) find theirs at the first call.
 */
void cr_preload_resolve(void);

/* semtimedop() of an id that the application knows, its operations with SEM_UNDO counted. */
struct sembuf;
struct timespec;
int cr_preload_semtimedop(int id, struct sembuf *operations, size_t count,
                          const struct timespec *timeout);

/*
 * The next definition of NAME behind this library; never NULL: without it the process ends with a
 * message.
 */
void *cr_preload_next(const char *name);

/* A pointer to libc's own function NAME; the linker makes a table of them. */
struct cr_preload_pointer {
    const char *name;
    void **pointer;
};

/* Libc's own function NAME, which is looked up once. */
#define CR_NEXT(name)                                                                              \
    ({                                                                                             \
        static __typeof__(name) *cr_next_function;                                                 \
        static struct cr_preload_pointer cr_next_entry                                             \
            __attribute__((section("cr_preload_pointers"), used)) = {#name,                        \
                                                                     (void **)&cr_next_function};  \
        if (cr_next_function == NULL)                                                              \
            cr_next_function = (__typeof__(name) *)cr_preload_next(#name);                         \
        cr_next_function;                                                                          \
    })

#endif
