/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What the agent and the functions of libcr.h share about callbacks. The functions may be those of another
 * library in the same process (libcr.so beside libcr_run.so), so this is all that they know of the agent's insides; its
 * layout belongs to CR_AGENT_INTERFACE.
 */
#ifndef CR_CALLBACKS_H
#define CR_CALLBACKS_H

#include "cr_freeze.h"

#include <stdint.h>

/* What the library's thread, which runs callbacks in thread context, shall do. */
enum cr_callbacks_stage {
    CR_STAGE_IDLE,
    CR_STAGE_BEFORE,
    CR_STAGE_AFTER,
    CR_STAGE_EARLY /* before MPI begins to hold collectives back */
};

/* Where it is in that. */
enum cr_callbacks_place {
    CR_PLACE_UNDER_WAY,
    CR_PLACE_INNERMOST,
    CR_PLACE_DONE,
    CR_PLACE_READY /* for the next checkpoint: the thread has seen that this one is over */
};

/* How a callback has ended the checkpoint, the stronger the greater. */
enum cr_callbacks_failure {
    CR_FAILURE_NONE,
    CR_FAILURE_OMIT,
    CR_FAILURE_TEMPORARY,
    CR_FAILURE_PERMANENT
};

enum cr_forward_state {
    CR_FORWARD_IDLE,
    CR_FORWARD_BEING_FILLED,
    CR_FORWARD_FILLED,
    CR_FORWARD_ASKED,
    CR_FORWARD_ANSWERED
};

struct cr_callbacks {
    volatile uint32_t stage;             /* futex, written by the agent */
    volatile uint32_t place;             /* futex, written by the library's thread */
    volatile uint32_t in_thread_context; /* how many callbacks there are for that thread */
    volatile uint32_t in_signal_context; /* 1: some thread has had one */
    volatile uint32_t is_early;          /* 1: that thread has something to do early */
    volatile int32_t outcome;            /* what cr_checkpoint() returns; valid from AFTER on */

    volatile uint32_t failure;     /* enum cr_callbacks_failure */
    volatile int32_t failure_code; /* positive */

    volatile uint32_t forward; /* futex: enum cr_forward_state */
    int32_t forward_scope, forward_target;
    volatile int32_t forward_error;

    /* Of the checkpoint in progress, and of the last restart. */
    int32_t signal, requester, target, scope;
    int32_t restart_requester;
    char destination[4096];
    char restart_source[4096];
};

#endif
