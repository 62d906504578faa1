/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; cr_environment_refresh() while threads are parked. The launcher's variables in the
 * program's environment. After a restart they are the new launcher's, so that children of the
 * program belong to the job that runs: the variables are part of a new list, and no string and no
 * list that the program may know is changed. What the program has changed or removed stays so.
 */
#include "cr_fmt.h"
#include "cr_object.h"
#include "cr_stub_bind.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct cr_lock lock; /* taken: a thread is changing the environment */
static int due;             /* it could not be refreshed, because a thread was changing it */
static char **given;        /* copies of what the launcher set in this environment */

/* What the C library does, found before the first call. */
static int (*real_setenv)(const char *, const char *, int);
static int (*real_unsetenv)(const char *);
static int (*real_putenv)(char *);
static int (*real_clearenv)(void);

static int is_launchers(const char *entry)
{
    static const char *const prefixes[] = {"OMPI_", "OPAL_",  "ORTE_",   "PRTE_",       "PMIX_",
                                           "PMI_",  "SLURM_", "SLURMD_", "QUIESCE_JOB", "SRUN_"};
    size_t i;

    for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (cr_str_starts(entry, prefixes[i]))
            return 1;
    return 0;
}

static size_t length_of(char *const *list)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

static int has_entry(char *const *list, const char *entry)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, entry) == 0)
            return 1;
    return 0;
}

/* Whether LIST has the variable of ENTRY, with any value. */
static int has_name(char *const *list, const char *entry)
{
    size_t length = strcspn(entry, "=");

    for (; *list != NULL; list++)
        if (strncmp(*list, entry, length) == 0 && (*list)[length] == '=')
            return 1;
    return 0;
}

/* The launcher's part of LIST, which stays valid for the life of the process. */
static char **copy_of(char *const *list)
{
    size_t n = 0, size;
    char **out = cr_pool_alloc((length_of(list) + 1) * sizeof(*out));

    for (; *list != NULL; list++) {
        if (!is_launchers(*list))
            continue;
        size = strlen(*list) + 1;
        out[n] = cr_pool_alloc(size);
        memcpy(out[n++], *list, size);
    }
    out[n] = NULL;
    return out;
}

/*
 * FRESH instead of what the old launcher has set. A variable that the program has removed is not
 * put in again; one that has removed all of them wants none.
 */
static void replace(char *const *fresh)
{
    char **old = environ;
    char **out = cr_pool_alloc((length_of(old) + length_of(fresh) + 1) * sizeof(*out));
    size_t n = 0;
    int follows = given[0] == NULL;

    for (; *old != NULL; old++) {
        if (is_launchers(*old) && has_entry(given, *old))
            follows = 1;
        else
            out[n++] = *old;
    }
    out[n] = NULL;
    for (; follows && *fresh != NULL; fresh++) {
        if (has_name(out, *fresh) || (has_name(given, *fresh) && !has_name(environ, *fresh)))
            continue;
        out[n++] = *fresh;
        out[n] = NULL;
    }
    __atomic_store_n(&environ, out, __ATOMIC_RELEASE);
}

static void refresh(void)
{
    char *const *now = cr_lower->environment;
    char **fresh;

    due = 0;
    if (now == NULL || given == NULL)
        return;
    fresh = copy_of(now);
    if (environ != NULL)
        replace(fresh);
    given = copy_of(now);
}

void cr_environment_refresh(void)
{
    if (__atomic_load_n(&lock.word, __ATOMIC_ACQUIRE) != 0)
        due = 1;
    else
        refresh();
}

static void begin(void)
{
    cr_lock_take(&lock);
}

static void end(void)
{
    if (due)
        refresh();
    cr_lock_give(&lock);
}

static void find_functions(void)
{
    *(void **)&real_unsetenv = dlsym(RTLD_NEXT, "unsetenv");
    *(void **)&real_putenv = dlsym(RTLD_NEXT, "putenv");
    *(void **)&real_clearenv = dlsym(RTLD_NEXT, "clearenv");
    *(void **)&real_setenv = dlsym(RTLD_NEXT, "setenv");
}

EXPORT int setenv(const char *name, const char *value, int overwrite)
{
    int rc;

    if (real_setenv == NULL)
        find_functions();
    begin();
    rc = real_setenv(name, value, overwrite);
    end();
    return rc;
}

EXPORT int unsetenv(const char *name)
{
    int rc;

    if (real_setenv == NULL)
        find_functions();
    begin();
    rc = real_unsetenv(name);
    end();
    return rc;
}

EXPORT int putenv(char *string)
{
    int rc;

    if (real_setenv == NULL)
        find_functions();
    begin();
    rc = real_putenv(string);
    end();
    return rc;
}

EXPORT int clearenv(void)
{
    int rc;

    if (real_setenv == NULL)
        find_functions();
    begin();
    rc = real_clearenv();
    end();
    return rc;
}

void cr_environment_init(void)
{
    find_functions();
    if (environ != NULL)
        given = copy_of(environ);
}
