/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; in signal context inside a stop handler, so nothing here takes locks or memory. The callbacks of one
 * context in one checkpoint: each calls the next one through cr_checkpoint(), and the last one finds the checkpoint.
 */
#include "cr_api.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct frame { /* of a callback that runs */
    struct cr_api_callback *callback;
    int called; /* it has called cr_checkpoint() */
    struct frame *outer;
};

struct cr_api_chain {
    enum cr_api_context context;
    struct cr_api_list *list;
    size_t left; /* not begun */
    int (*here)(void *argument);
    void *argument;
    struct frame *running;
    int outcome;
    struct cr_checkpoint_info info;
    struct cr_restart_info restart;
};

int cr_api_in_callback(void)
{
    return cr_api_client.chain != NULL && cr_api_client.chain->running != NULL;
}

struct cr_api_callback *cr_api_running(enum cr_api_context *ret_context, int *ret_index)
{
    const struct cr_api_chain *c = cr_api_client.chain;

    if (!cr_api_in_callback())
        return NULL;
    if (ret_context != NULL)
        *ret_context = c->context;
    if (ret_index != NULL)
        *ret_index = (int)(c->running->callback - c->list->items);
    return c->running->callback;
}

int cr_api_is_before(void)
{
    return cr_api_in_callback() && !cr_api_client.chain->running->called;
}

int cr_api_is_restarted(void)
{
    return cr_api_in_callback() && cr_api_client.chain->running->called &&
           cr_api_client.chain->outcome > 0;
}

/* The strongest wish of all callbacks wins; among equal ones, the first. */
static void note_failure(uint32_t failure, int code)
{
    struct cr_callbacks *shared = cr_agent_callbacks();
    uint32_t now = __atomic_load_n(&shared->failure, __ATOMIC_ACQUIRE);

    while (now < failure) {
        if (!__atomic_compare_exchange_n(&shared->failure, &now, failure, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            continue;
        shared->failure_code = code;
        return;
    }
}

void cr_api_chain_refuse(void)
{
    note_failure(CR_FAILURE_TEMPORARY, CR_ETEMPFAIL);
}

static int note_flags(int flags)
{
    int value = flags >> 16 & 0xffff;

    if ((flags & CR_CHECKPOINT_PERM_FAILURE) != 0)
        note_failure(CR_FAILURE_PERMANENT, value != 0 ? value : CR_EPERMFAIL);
    else if ((flags & CR_CHECKPOINT_TEMP_FAILURE) != 0)
        note_failure(CR_FAILURE_TEMPORARY, value != 0 ? value : CR_ETEMPFAIL);
    else if ((flags & CR_CHECKPOINT_OMIT) != 0)
        note_failure(CR_FAILURE_OMIT, CR_EOMITTED);
    else
        return 0;
    return 1;
}

static void run_next(struct cr_api_chain *c, int failed);

/*
 * In a child that the callback has forked the checkpoint does not go on; if the callback returns there, nothing is left to
 * do for this thread.
 */
static void run(struct cr_api_chain *c, struct cr_api_callback *callback)
{
    struct frame frame = {callback, 0, c->running};
    int rc;

    c->running = &frame;
    rc = callback->function(callback->argument);
    if (cr_api_client.chain != c)
        _exit(0);
    if (rc != 0)
        note_failure(CR_FAILURE_PERMANENT, CR_EPERMFAIL);
    if (!frame.called) {
        frame.called = 1;
        run_next(c, rc != 0);
    }
    c->running = frame.outer;
}

static void run_next(struct cr_api_chain *c, int failed)
{
    while (!failed && c->left > 0) {
        struct cr_api_callback *callback = &c->list->items[--c->left];
        if (callback->function == NULL)
            continue;
        run(c, callback);
        return;
    }
    c->left = 0;
    c->outcome = c->here(c->argument);
    cr_api_hook_run(c->context, c->outcome);
}

int cr_api_chain_run(enum cr_api_context context, struct cr_api_list *list,
                     int (*here)(void *argument), void *argument)
{
    struct cr_api_chain chain = {
        .context = context, .list = list, .left = list->count, .here = here, .argument = argument};
    struct cr_api_chain *outer = cr_api_client.chain;

    cr_api_client.chain = &chain;
    run_next(&chain, 0);
    cr_api_client.chain = outer;
    return chain.outcome;
}

CR_EXPORT int cr_checkpoint(int flags)
{
    struct cr_api_chain *c = cr_api_client.chain;

    if (!cr_api_is_before())
        return -CR_ENOTCB;
    c->running->called = 1;
    run_next(c, note_flags(flags));
    return c->outcome;
}

CR_EXPORT const struct cr_checkpoint_info *cr_get_checkpoint_info(void)
{
    const struct cr_callbacks *shared = cr_agent_callbacks();
    struct cr_api_chain *c = cr_api_client.chain;

    if (!cr_api_is_before())
        return NULL;
    c->info.signal = shared->signal;
    c->info.dest = shared->destination;
    c->info.requester = shared->requester;
    c->info.target = shared->target;
    c->info.scope = (cr_scope_t)shared->scope;
    return &c->info;
}

CR_EXPORT const struct cr_restart_info *cr_get_restart_info(void)
{
    const struct cr_callbacks *shared = cr_agent_callbacks();
    struct cr_api_chain *c = cr_api_client.chain;

    if (!cr_api_is_restarted())
        return NULL;
    c->restart.requester = shared->restart_requester;
    c->restart.src = shared->restart_source;
    return &c->restart;
}

CR_EXPORT int cr_forward_checkpoint(cr_scope_t scope, pid_t target)
{
    struct cr_callbacks *shared = cr_agent_callbacks();
    uint32_t state = CR_FORWARD_IDLE;

    if (!cr_api_is_before())
        return cr_api_fail(CR_ENOTCB);
    if ((int)scope < CR_SCOPE_PROC || (int)scope > CR_SCOPE_TREE || target < 0)
        return cr_api_fail(EINVAL);
    while (!__atomic_compare_exchange_n(&shared->forward, &state, CR_FORWARD_BEING_FILLED, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        cr_api_wait(&shared->forward, state);
        state = CR_FORWARD_IDLE;
    }
    shared->forward_scope = (int32_t)scope;
    shared->forward_target = target != 0 ? target : cr_api_own(scope);
    cr_api_set(&shared->forward, CR_FORWARD_FILLED);
    while ((state = __atomic_load_n(&shared->forward, __ATOMIC_ACQUIRE)) != CR_FORWARD_ANSWERED)
        cr_api_wait(&shared->forward, state);
    state = (uint32_t)shared->forward_error;
    cr_api_set(&shared->forward, CR_FORWARD_IDLE);
    return state != 0 ? cr_api_fail((int)state) : 0;
}

void cr_api_chain_forked(void)
{
    cr_api_client.chain = NULL;
    cr_api_client.is_library_thread = 0;
}
