/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What a rank's program wants to do around a checkpoint, by the functions of old: INC callbacks and those of
 * the self checkpointer. They run on the library's thread, as one more callback of libcr.h, so all ways to a checkpoint
 * call them.
 */
#include "cr_api.h"
#include "cr_rank.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 256

/* In the order of OMPI_CR_INC_callback_event_t. */
enum { BEFORE_MPI, AFTER_MPI, BEFORE_IMAGE, AFTER_IMAGE, MPI_COMES_BACK, ALL_IS_BACK };

static cr_voice_inc incs[CR_VOICE_EVENTS];
static void (*selves[CR_VOICE_SELF])(void);
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;
static int is_heard;

/* ---- in a checkpoint ---- */

static unsigned state_of(int outcome)
{
    if (outcome < 0)
        return CR_VOICE_ERROR;
    return outcome > 0 ? CR_VOICE_RESTART : CR_VOICE_CONTINUE;
}

/* Not 0 when the callback does not want what is about to come. */
static int call_inc(unsigned event, unsigned state)
{
    cr_voice_inc function = __atomic_load_n(&incs[event], __ATOMIC_ACQUIRE);

    return function != NULL && function(event, state) != 0;
}

static int call_self(int which)
{
    void (*function)(void) = __atomic_load_n(&selves[which], __ATOMIC_ACQUIRE);
    char *command = NULL; /* how the program would be restarted without an image */

    if (function == NULL)
        return 0;
    if (which == CR_VOICE_SELF_CHECKPOINT)
        return ((int (*)(char **))function)(&command) != 0;
    return ((int (*)(void))function)() != 0;
}

static void early(void)
{
    if (call_inc(BEFORE_MPI, CR_VOICE_PREPARE))
        cr_api_chain_refuse();
}

static void late(int outcome)
{
    call_inc(ALL_IS_BACK, state_of(outcome));
}

static int callback(void *unused)
{
    int refused = call_inc(AFTER_MPI, CR_VOICE_PREPARE) ||
                  call_inc(BEFORE_IMAGE, CR_VOICE_PREPARE) || call_self(CR_VOICE_SELF_CHECKPOINT);
    int outcome = cr_checkpoint(refused ? CR_CHECKPOINT_TEMP_FAILURE : CR_CHECKPOINT_READY);
    unsigned state = state_of(outcome);

    (void)unused;
    if (outcome >= 0)
        call_self(outcome > 0 ? CR_VOICE_SELF_RESTART : CR_VOICE_SELF_CONTINUE);
    call_inc(AFTER_IMAGE, state);
    call_inc(MPI_COMES_BACK, state);
    return 0;
}

/* ---- registration ---- */

static int be_heard(struct cr_error *err)
{
    static const struct cr_api_early both = {early, late};

    if (is_heard)
        return 0;
    if (cr_init() < 0)
        return cr_fail(err, errno, "callbacks cannot be registered: %s", cr_strerror(errno));
    cr_api_thread_set_early(&both);
    if (cr_register_callback(callback, NULL, CR_THREAD_CONTEXT) < 0) {
        cr_api_thread_set_early(NULL);
        return cr_fail(err, errno, "callbacks cannot be registered: %s", cr_strerror(errno));
    }
    is_heard = 1;
    return 0;
}

CR_EXPORT int cr_rank_register_inc(unsigned event, cr_voice_inc function, cr_voice_inc *ret_before,
                                   struct cr_error *err)
{
    cr_voice_inc before;
    int rc = 0;

    if (event >= CR_VOICE_EVENTS)
        return cr_fail(err, EINVAL, "there is no event %u", event);
    pthread_mutex_lock(&change);
    if (function != NULL)
        rc = be_heard(err);
    if (rc == 0) {
        before = __atomic_exchange_n(&incs[event], function, __ATOMIC_ACQ_REL);
        if (ret_before != NULL)
            *ret_before = before;
    }
    pthread_mutex_unlock(&change);
    return rc;
}

CR_EXPORT int cr_rank_register_self(int which, void (*function)(void), struct cr_error *err)
{
    int rc = 0;

    if (which < 0 || which >= CR_VOICE_SELF)
        return cr_fail(err, EINVAL, "there is no such function");
    pthread_mutex_lock(&change);
    if (function != NULL)
        rc = be_heard(err);
    if (rc == 0)
        __atomic_store_n(&selves[which], function, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&change);
    return rc;
}

void cr_voice_find(void)
{
    static const char *const ends[CR_VOICE_SELF] = {"checkpoint", "continue", "restart"};
    const char *prefix = getenv("OMPI_MCA_crs_self_prefix");
    struct cr_error err = {0};
    char name[NAME_SIZE];
    void (*function)(void);
    void *found;

    if (prefix == NULL || prefix[0] == '\0')
        prefix = "opal_crs_self_user";
    for (int i = 0; i < CR_VOICE_SELF; i++) {
        snprintf(name, sizeof(name), "%s_%s", prefix, ends[i]);
        found = dlsym(RTLD_DEFAULT, name);
        if (found == NULL)
            continue;
        memcpy(&function, &found, sizeof(function));
        if (cr_rank_register_self(i, function, &err) < 0)
            fprintf(stderr, "quiesce: %s() of the program: %s\n", name, err.text);
    }
}
