/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Threads of the application, and critical sections. */
#include "cr_api.h"

#include "cr_sys.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

__thread struct cr_api_client cr_api_client __attribute__((tls_model("initial-exec")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;
static volatile int last_id;

int cr_api_fail(int number)
{
    errno = number;
    return -1;
}

uint64_t cr_api_block_stop(void)
{
    const uint64_t all = ~0UL;
    uint64_t before = 0;

    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    return before;
}

void cr_api_unblock_stop(uint64_t before)
{
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

/* Another thread's callbacks did not come along into a child of fork(). */
static void forked(void)
{
    cr_api_chain_forked();
    cr_api_thread_forked();
}

static void start(void)
{
    key_error = pthread_key_create(&key, cr_api_client_end);
    if (key_error == 0)
        key_error = pthread_atfork(NULL, NULL, forked);
    if (key_error == 0)
        cr_api_stop_init();
}

/* The end of a thread. As long as destructors of others may need us, there is another round of them. */
void cr_api_client_end(void *client)
{
    struct cr_api_client *c = client;
    struct cr_api_callback *items;
    uint64_t before;

    if (c->persist > 0 && pthread_setspecific(key, c) == 0)
        return;
    before = cr_api_block_stop();
    items = c->callbacks.items;
    memset(&c->callbacks, 0, sizeof(c->callbacks));
    c->id = 0;
    cr_api_unblock_stop(before);
    free(items);
    cr_section_leave_all();
}

CR_EXPORT int cr_available(void)
{
    return cr_agent_interface() == CR_AGENT_INTERFACE && cr_agent_is_ready();
}

CR_EXPORT cr_client_id_t cr_init(void)
{
    struct cr_api_client *c = &cr_api_client;

    if (c->id > 0)
        return c->id - 1;
    if (cr_agent_interface() != CR_AGENT_INTERFACE)
        return cr_api_fail(CR_EVERSION);
    if (!cr_agent_is_ready())
        return cr_api_fail(ENOSYS);
    pthread_once(&once, start);
    if (key_error != 0 || pthread_setspecific(key, c) != 0)
        return cr_api_fail(ENOMEM);
    c->hold = CR_HOLD_DFLT;
    c->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    return c->id - 1;
}

CR_EXPORT int cr_status(void)
{
    return cr_api_client.id > 0 || cr_api_client.chain != NULL ? cr_agent_status()
                                                               : cr_api_fail(CR_ENOINIT);
}

CR_EXPORT int cr_inc_persist(void)
{
    struct cr_api_client *c = &cr_api_client;

    return c->persist < INT_MAX ? c->persist++ : cr_api_fail(ERANGE);
}

CR_EXPORT int cr_dec_persist(void)
{
    struct cr_api_client *c = &cr_api_client;

    return c->persist > 0 ? c->persist-- : cr_api_fail(ERANGE);
}

int cr_api_begin_change(void)
{
    if (cr_api_in_callback())
        return cr_api_fail(EBUSY);
    if (cr_api_client.id == 0)
        return cr_api_fail(CR_ENOINIT);
    cr_section_enter();
    return 0;
}

void cr_api_end_change(void)
{
    int code = errno;

    cr_section_leave_at_once();
    errno = code;
}

/* 0 if ID is the caller's, 1 if there is nothing to do; or -1 with errno. */
static int check_id(cr_client_id_t id)
{
    if (cr_api_in_callback())
        return 1;
    if (cr_api_client.id == 0)
        return cr_api_fail(CR_ENOINIT);
    return id == cr_api_client.id - 1 ? 0 : cr_api_fail(EINVAL);
}

CR_EXPORT int cr_enter_cs(cr_client_id_t id)
{
    int rc = check_id(id);

    if (rc == 0)
        cr_section_enter();
    return rc < 0 ? rc : 0;
}

CR_EXPORT int cr_tryenter_cs(cr_client_id_t id)
{
    int rc = check_id(id);

    if (rc == 0)
        return cr_section_try_enter() ? 0 : 1;
    return rc < 0 ? rc : 0;
}

CR_EXPORT int cr_leave_cs(cr_client_id_t id)
{
    int rc = check_id(id);

    if (rc == 0 && cr_section_leave() < 0)
        return cr_api_fail(EINVAL);
    return rc < 0 ? rc : 0;
}
