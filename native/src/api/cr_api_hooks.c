/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; what threads do in their stop handlers takes neither locks nor memory. Hooks, holding, and what a thread
 * does where it stands.
 */
#include "cr_api.h"

#include "cr_freeze.h"

#include <errno.h>

static cr_hook_fn_t volatile hooks[CR_NUM_HOOKS];
static volatile int hold_init = CR_HOLD_BOTH;
static volatile int hold_uninit = CR_HOLD_BOTH;

CR_EXPORT cr_hook_fn_t cr_register_hook(cr_hook_event_t event, cr_hook_fn_t function)
{
    if (cr_api_client.id == 0) {
        errno = CR_ENOINIT;
        return CR_HOOK_FN_ERROR;
    }
    if ((int)event < 0 || (int)event >= CR_NUM_HOOKS) {
        errno = EINVAL;
        return CR_HOOK_FN_ERROR;
    }
    return __atomic_exchange_n(&hooks[event], function, __ATOMIC_SEQ_CST);
}

static void call(cr_hook_event_t event)
{
    cr_hook_fn_t function = hooks[event];

    if (function != NULL)
        function(event);
}

void cr_api_hook_run(enum cr_api_context context, int outcome)
{
    if (outcome < 0)
        return;
    if (context == CR_API_SIGNAL)
        call(outcome > 0 ? CR_HOOK_RSTRT_SIGNAL_CONTEXT : CR_HOOK_CONT_SIGNAL_CONTEXT);
    else
        call(outcome > 0 ? CR_HOOK_RSTRT_THREAD_CONTEXT : CR_HOOK_CONT_THREAD_CONTEXT);
}

static void run_without(int outcome)
{
    if (outcome >= 0)
        call(outcome > 0 ? CR_HOOK_RSTRT_NO_CALLBACKS : CR_HOOK_CONT_NO_CALLBACKS);
}

/* Flags for CR_HOLD_SCOPE_THREAD are kept with the thread. Returns the place of the others, or NULL. */
static volatile int *flags_of(int scope)
{
    if (scope == CR_HOLD_SCOPE_INIT)
        return &hold_init;
    return scope == CR_HOLD_SCOPE_UNINIT ? &hold_uninit : NULL;
}

CR_EXPORT int cr_hold_ctrl(int scope, int flags)
{
    volatile int *place = scope == CR_HOLD_SCOPE_THREAD ? &cr_api_client.hold : flags_of(scope);
    int before;

    if (cr_api_client.id == 0)
        return cr_api_fail(CR_ENOINIT);
    if (place == NULL || flags < CR_HOLD_READ || flags > CR_HOLD_DFLT ||
        (flags == CR_HOLD_DFLT && scope != CR_HOLD_SCOPE_THREAD))
        return cr_api_fail(EINVAL);
    before = *place;
    if (flags != CR_HOLD_READ)
        *place = flags;
    return before;
}

static int own_hold(void)
{
    const struct cr_api_client *c = &cr_api_client;

    if (c->id == 0)
        return hold_uninit;
    return c->hold == CR_HOLD_DFLT ? hold_init : c->hold;
}

static int is_held(int outcome)
{
    return (own_hold() & (outcome > 0 ? CR_HOLD_RSTRT : CR_HOLD_CONT)) != 0;
}

/* ---- where a thread stands ---- */

static int has_callbacks(void)
{
    const struct cr_api_list *list = &cr_api_client.callbacks;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].function != NULL)
            return 1;
    return 0;
}

static int kind(void)
{
    if (cr_api_client.is_library_thread)
        return CR_STAND_EARLY;
    if (has_callbacks() || hooks[CR_HOOK_CONT_NO_CALLBACKS] != NULL ||
        hooks[CR_HOOK_RSTRT_NO_CALLBACKS] != NULL || own_hold() != CR_HOLD_BOTH)
        return CR_STAND_CALLBACKS;
    return CR_STAND_PLAIN;
}

static int here(void *stand)
{
    struct cr_stand *s = stand;

    return s->here(s);
}

static int run(struct cr_stand *stand)
{
    int code = errno;
    int outcome;

    if (has_callbacks()) {
        outcome = cr_api_chain_run(CR_API_SIGNAL, &cr_api_client.callbacks, here, stand);
    } else {
        outcome = stand->here(stand);
        run_without(outcome);
    }
    errno = code;
    return is_held(outcome);
}

void cr_api_stop_init(void)
{
    static struct cr_freeze_callbacks ops = {kind, run, NULL};

    cr_agent_set_callbacks(&ops);
}
