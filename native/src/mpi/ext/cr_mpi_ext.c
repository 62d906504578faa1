/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The rest of Quiesce in this process, if it is there; registration of callbacks; error codes. */
#include "cr_mpi_ext.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct cr_mpi_ext_rank rank;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t codes_lock = PTHREAD_MUTEX_INITIALIZER;

static void find(void *ret_function, const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);

    memcpy(ret_function, &found, sizeof(found));
}

static void find_all(void)
{
    find(&rank.may_ask, "cr_rank_may_ask");
    find(&rank.register_inc, "cr_rank_register_inc");
    find(&rank.register_self, "cr_rank_register_self");
    find(&rank.checkpoint, "cr_rank_checkpoint");
    find(&rank.is_one, "cr_rank_is_one");
}

const struct cr_mpi_ext_rank *cr_mpi_ext_rank(struct cr_error *err)
{
    int begun = 0, ended = 0;

    pthread_once(&once, find_all);
    PMPI_Initialized(&begun);
    PMPI_Finalized(&ended);
    if (!begun || ended) {
        cr_fail(err, CR_ENOTREADY, "MPI is not initialized, or no longer");
        return NULL;
    }
    /* libcr.so alone is no sign: a program may be linked with it. */
    if (rank.is_one != NULL && rank.is_one())
        return &rank;
    cr_fail(err, CR_ENOAGENT,
            "this program does not run under Quiesce: start it by \"quiesce run -- mpirun ...\"");
    return NULL;
}

/* The code with which CLASS can have a text of its own, or CLASS. */
static int own_code(int class)
{
    static struct {
        int class, code;
    } codes[4];
    size_t i = 0;

    while (i < sizeof(codes) / sizeof(*codes) && codes[i].code != 0 && codes[i].class != class)
        i++;
    if (i == sizeof(codes) / sizeof(*codes))
        return class;
    if (codes[i].code == 0) {
        codes[i].class = class;
        if (PMPI_Add_error_code(class, &codes[i].code) != MPI_SUCCESS)
            codes[i].code = class;
    }
    return codes[i].code;
}

int cr_mpi_ext_code(int class, const struct cr_error *err)
{
    char text[MPI_MAX_ERROR_STRING];
    int begun = 0, ended = 0, code;

    PMPI_Initialized(&begun);
    PMPI_Finalized(&ended);
    if (!begun || ended)
        return class;
    strncpy(text, err->text, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    pthread_mutex_lock(&codes_lock);
    code = own_code(class);
    if (code != class)
        PMPI_Add_error_string(code, text);
    pthread_mutex_unlock(&codes_lock);
    return code;
}

/* ---- callbacks ---- */

CR_EXPORT int OMPI_CR_INC_register_callback(OMPI_CR_INC_callback_event_t event,
                                            OMPI_CR_INC_callback_function function,
                                            OMPI_CR_INC_callback_function *prev_function)
{
    struct cr_error err = {0};
    const struct cr_mpi_ext_rank *r = cr_mpi_ext_rank(&err);
    cr_voice_inc before = NULL, now;

    if (r == NULL)
        return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
    memcpy(&now, &function, sizeof(now));
    if (r->register_inc((unsigned)event, now, &before, &err) < 0)
        return cr_mpi_ext_code(err.code == EINVAL ? MPI_ERR_ARG : MPI_ERR_OTHER, &err);
    if (prev_function != NULL)
        memcpy(prev_function, &before, sizeof(before));
    return MPI_SUCCESS;
}

static int register_self(int which, void (*function)(void))
{
    struct cr_error err = {0};
    const struct cr_mpi_ext_rank *r = cr_mpi_ext_rank(&err);

    if (r == NULL)
        return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
    if (r->register_self(which, function, &err) < 0)
        return cr_mpi_ext_code(MPI_ERR_OTHER, &err);
    return MPI_SUCCESS;
}

CR_EXPORT int OMPI_CR_self_register_checkpoint_callback(OMPI_CR_self_checkpoint_fn function)
{
    return register_self(CR_VOICE_SELF_CHECKPOINT, (void (*)(void))function);
}

CR_EXPORT int OMPI_CR_self_register_continue_callback(OMPI_CR_self_continue_fn function)
{
    return register_self(CR_VOICE_SELF_CONTINUE, (void (*)(void))function);
}

CR_EXPORT int OMPI_CR_self_register_restart_callback(OMPI_CR_self_restart_fn function)
{
    return register_self(CR_VOICE_SELF_RESTART, (void (*)(void))function);
}
