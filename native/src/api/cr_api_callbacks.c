/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Registration of callbacks, and the thread that runs those in thread context. */
#include "cr_api.h"

#include "cr_fault.h"
#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CONTEXTS (CR_THREAD_CONTEXT | CR_SIGNAL_CONTEXT)
#define STACK_SIZE (1UL << 20)
#define FIRST_ROOM 8

struct cr_api_list cr_api_thread_list;
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;
static int thread_runs;
static const struct cr_api_early *early;

void cr_api_wait(volatile uint32_t *word, uint32_t value)
{
    cr_sys_futex_wait(word, value, NULL);
}

void cr_api_set(volatile uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(word, INT32_MAX);
}

int cr_api_own(cr_scope_t scope)
{
    if (scope == CR_SCOPE_PGRP)
        return getpgrp();
    return scope == CR_SCOPE_SESS ? getsid(0) : getpid();
}

/* ---- the library's thread ---- */

static int stand_in_thread(void *unused)
{
    struct cr_callbacks *shared = cr_agent_callbacks();

    (void)unused;
    cr_api_set(&shared->place, CR_PLACE_INNERMOST);
    while (shared->stage == CR_STAGE_BEFORE)
        cr_api_wait(&shared->stage, CR_STAGE_BEFORE);
    return shared->outcome;
}

/* Returns the stage that it is then. */
static uint32_t await_stage_other_than(uint32_t stage)
{
    struct cr_callbacks *shared = cr_agent_callbacks();
    uint32_t now;

    while ((now = __atomic_load_n(&shared->stage, __ATOMIC_ACQUIRE)) == stage)
        cr_api_wait(&shared->stage, now);
    return now;
}

/* Returns the stage that follows. */
static uint32_t run_early(void)
{
    early->before();
    cr_api_set(&cr_agent_callbacks()->place, CR_PLACE_INNERMOST);
    return await_stage_other_than(CR_STAGE_EARLY);
}

static void *run(void *unused)
{
    cr_sys(SYS_prctl, PR_SET_NAME, "cr-callbacks", 0, 0, 0);
    cr_api_client.is_library_thread = 1;
    for (;;) {
        uint32_t stage = await_stage_other_than(CR_STAGE_IDLE);
        int is_early = stage == CR_STAGE_EARLY;

        if (is_early)
            stage = run_early();
        if (stage == CR_STAGE_BEFORE)
            cr_api_chain_run(CR_API_THREAD, &cr_api_thread_list, stand_in_thread, NULL);
        if (is_early)
            early->after(cr_agent_callbacks()->outcome);
        cr_api_set(&cr_agent_callbacks()->place, CR_PLACE_DONE);
        cr_fault("callbacks:done");
        await_stage_other_than(CR_STAGE_AFTER);
        cr_api_set(&cr_agent_callbacks()->place, CR_PLACE_READY);
    }
    return unused;
}

void cr_api_thread_set_early(const struct cr_api_early *what)
{
    early = what;
    cr_agent_callbacks()->is_early = what != NULL;
}

int cr_api_thread_start(void)
{
    /* All but the stop signal: this thread stands still with the others. */
    const uint64_t all = ~(1UL << (CR_STOP_SIGNAL - 1));
    uint64_t before;
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    if (thread_runs)
        return 0;
    if (pthread_attr_init(&attributes) != 0)
        return -ENOMEM;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    rc = pthread_create(&thread, &attributes, run, NULL);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
    pthread_attr_destroy(&attributes);
    thread_runs = rc == 0;
    return -rc;
}

void cr_api_thread_forked(void)
{
    pthread_mutex_init(&change, NULL);
    thread_runs = 0;
    if (cr_api_thread_list.count > 0)
        cr_api_thread_start();
}

/* ---- registration ---- */

static struct cr_api_list *list_of(int flags)
{
    return (flags & CR_THREAD_CONTEXT) != 0 ? &cr_api_thread_list : &cr_api_client.callbacks;
}

static int is_one_context(int flags)
{
    return flags == CR_THREAD_CONTEXT || flags == CR_SIGNAL_CONTEXT;
}

/* Returns the place in LIST, or -1 with errno. */
static int append(struct cr_api_list *list, cr_callback_t function, void *argument)
{
    size_t room = list->room != 0 ? list->room * 2 : FIRST_ROOM;
    struct cr_api_callback *items = list->items;

    if (list->count >= CR_MAX_CALLBACKS)
        return cr_api_fail(ENOSPC);
    if (list->count == list->room) {
        items = realloc(items, room * sizeof(*items));
        if (items == NULL)
            return cr_api_fail(ENOMEM);
        list->items = items;
        list->room = room;
    }
    items[list->count] = (struct cr_api_callback){function, argument};
    return (int)list->count++;
}

static void count_thread_context(void)
{
    uint32_t count = 0;

    for (size_t i = 0; i < cr_api_thread_list.count; i++)
        count += cr_api_thread_list.items[i].function != NULL;
    cr_agent_callbacks()->in_thread_context = count;
}

static int add(cr_callback_t callback, void *argument, int flags)
{
    int rc = flags == CR_THREAD_CONTEXT ? cr_api_thread_start() : 0;
    int place;

    if (rc < 0)
        return cr_api_fail(-rc);
    place = append(list_of(flags), callback, argument);
    if (flags == CR_SIGNAL_CONTEXT)
        cr_agent_callbacks()->in_signal_context = 1;
    count_thread_context();
    return place < 0 ? place : place | flags;
}

CR_EXPORT cr_callback_id_t cr_register_callback(cr_callback_t callback, void *argument, int flags)
{
    int id;

    if (cr_api_begin_change() < 0)
        return -1;
    if (!is_one_context(flags) || callback == NULL) {
        id = cr_api_fail(EINVAL);
    } else {
        pthread_mutex_lock(&change);
        id = add(callback, argument, flags);
        pthread_mutex_unlock(&change);
    }
    cr_api_end_change();
    return id;
}

CR_EXPORT cr_callback_id_t cr_replace_callback(cr_callback_id_t id, cr_callback_t callback,
                                               void *argument, int flags)
{
    size_t place = (size_t)(id & ~CONTEXTS);
    int rc = id;

    if (cr_api_begin_change() < 0)
        return -1;
    pthread_mutex_lock(&change);
    if (id < 0 || !is_one_context(flags) || (id & CONTEXTS) != flags ||
        place >= list_of(flags)->count)
        rc = cr_api_fail(EINVAL);
    else
        list_of(flags)->items[place] = (struct cr_api_callback){callback, argument};
    count_thread_context();
    pthread_mutex_unlock(&change);
    cr_api_end_change();
    return rc;
}

CR_EXPORT cr_callback_id_t cr_replace_self(cr_callback_t callback, void *argument, int flags)
{
    enum cr_api_context context;
    int index;
    struct cr_api_callback *own = cr_api_running(&context, &index);

    if (own == NULL)
        return cr_api_fail(CR_ENOTCB);
    if (!is_one_context(flags) || (flags == CR_THREAD_CONTEXT) != (context == CR_API_THREAD))
        return cr_api_fail(EINVAL);
    *own = (struct cr_api_callback){callback, argument};
    if (context == CR_API_THREAD)
        count_thread_context();
    return index | flags;
}
