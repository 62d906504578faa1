/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the files behind libcr.h share; private to this folder. */
#ifndef CR_API_H
#define CR_API_H

/* Before libcr.h, whose macros have the names of its enumeration. */
#include "cr_agent.h"

#include "cr_callbacks.h"
#include "libcr.h"

#include <stddef.h>

#define CR_EXPORT __attribute__((visibility("default")))

struct cr_api_callback {
    cr_callback_t function; /* NULL: switched off */
    void *argument;
};

/* In the order of registration. Changed only where no stop can begin (cr_api_begin_change()). */
struct cr_api_list {
    struct cr_api_callback *items;
    size_t count, room;
};

struct cr_api_chain; /* callbacks that are running; cr_api_chain.c */

/* One thread of the application. Used in stop handlers, so it is no memory of malloc. */
struct cr_api_client {
    int id; /* plus 1; 0: cr_init() was not called */
    int hold;
    int persist;
    struct cr_api_list callbacks; /* in signal context */
    struct cr_api_chain *chain;
    int is_library_thread;
};
extern __thread struct cr_api_client cr_api_client __attribute__((tls_model("initial-exec")));

/* Sets errno. Returns -1. */
int cr_api_fail(int number);

/* 0; or -1 with errno if this thread may not change callbacks. */
int cr_api_begin_change(void);
void cr_api_end_change(void);

/* No stop begins and no handler runs in this thread in between; unlike a critical section it never waits. */
uint64_t cr_api_block_stop(void);
void cr_api_unblock_stop(uint64_t before);

/* ---- chains: callbacks of one context in one checkpoint ---- */

enum cr_api_context { CR_API_SIGNAL, CR_API_THREAD };

/*
 * Runs LIST from its end. HERE(argument) waits for the checkpoint where all have called cr_checkpoint(), and returns its
 * outcome. Returns the outcome.
 */
int cr_api_chain_run(enum cr_api_context context, struct cr_api_list *list,
                     int (*here)(void *argument), void *argument);
/* 1 inside callbacks. */
int cr_api_in_callback(void);
/* The running callback, or NULL; RET_CONTEXT may be NULL. */
struct cr_api_callback *cr_api_running(enum cr_api_context *ret_context, int *ret_index);
/* Whether the calling callback has called cr_checkpoint(), and what came of it. */
int cr_api_is_before(void);
int cr_api_is_restarted(void);
/* In a child of fork(): no checkpoint is in progress. */
void cr_api_chain_forked(void);

/* ---- callbacks in thread context ---- */

extern struct cr_api_list cr_api_thread_list;
/* Starts the library's thread, unless it runs. 0 or -errno. */
int cr_api_thread_start(void);
void cr_api_thread_forked(void);

/*
 * What the library's thread does besides, in a rank: BEFORE() while MPI still runs freely, AFTER() behind all callbacks. Set
 * before the thread is started.
 */
struct cr_api_early {
    void (*before)(void);
    void (*after)(int outcome);
};
void cr_api_thread_set_early(const struct cr_api_early *early);

/* A callback does not want the checkpoint: as CR_CHECKPOINT_TEMP_FAILURE. */
void cr_api_chain_refuse(void);

/* ---- a rank's voice (cr_voice.c) ---- */

/* At the end of MPI_Init: the functions of the program that have the names of old. */
void cr_voice_find(void);

/* ---- around the checkpoint ---- */

/* Calls the hook of CONTEXT for OUTCOME, if there is one. */
void cr_api_hook_run(enum cr_api_context context, int outcome);
/* Tells the agent how threads stand, once. */
void cr_api_stop_init(void);

/* ---- */

/* Waits while *WORD is VALUE; sets it and wakes all who wait. */
void cr_api_wait(volatile uint32_t *word, uint32_t value);
void cr_api_set(volatile uint32_t *word, uint32_t value);

/* The caller's own pid, process group or session. */
int cr_api_own(cr_scope_t scope);

/* Ends what the calling thread has in the library. */
void cr_api_client_end(void *client);

#endif
