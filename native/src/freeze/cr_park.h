/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the two sides of a stop share; private to this folder. */
#ifndef CR_PARK_H
#define CR_PARK_H

#include "cr_context.h"
#include "cr_freeze.h"

#include <signal.h>

struct cr_freeze {
    struct cr_thread *threads;
    struct cr_attributes *attributes; /* of the thread with the same number */
    volatile uint32_t count;
    volatile uint32_t generation; /* of the newest stop */
    volatile uint32_t released;   /* futex: the newest stop that is over */
    volatile uint32_t parked;     /* futex: how many have parked */
    volatile uint32_t expected;   /* the one that makes PARKED this wakes the agent */
    volatile uint32_t back;       /* futex: how many are back after a restart */
    int32_t pid;                  /* the kernel's */
    uint32_t virtual_ids;      /* some restored thread has another id than the application knows */
    volatile uint32_t bell;    /* futex: GOING or GENERATION has changed */
    volatile uint32_t going;   /* the newest stop in which threads with callbacks may go on */
    volatile uint32_t running; /* futex: threads in callbacks */
    volatile uint32_t preparing; /* how many of those do not stand yet */
    volatile int32_t outcome;    /* what the callbacks are told */
    const struct cr_freeze_callbacks *volatile callbacks;
    int64_t stopped_at; /* CLOCK_MONOTONIC when the last thread had parked */
    volatile uint32_t
        looks;          /* how often threads were asked to look at their pending signals again */
    uint32_t unwrapped; /* the program calls libc past our wrappers */
    struct cr_freeze_rules rules;
};
extern struct cr_freeze cr_freeze;

/* The action of CR_STOP_SIGNAL. */
void cr_park_handler(int signal, siginfo_t *info, void *frame);

/* Sends the stop signal to the thread of record T. 0 or -errno. */
int cr_park_signal(const struct cr_thread *t);

/* Wakes threads that stand around callbacks, to look what has changed. */
void cr_park_ring(void);

/* Keeps the pairs of known and kernel ids beyond the next stop. */
void cr_park_remember_ids(void);

/* A note on a thread's stack lies at most this near above its stack pointer. */
#define CR_PARK_NOTE_DISTANCE 16384

/* In the restored process: calls with ids that the thread was making (cr_id_call.h), FRAME being the newest. */
void cr_park_settle_id_calls(ucontext_t *frame);

/* In the restored process: what the program knows as the kernel's OLD of when the image was taken. */
int cr_park_known_before(int old, uint32_t kinds);

#endif
