/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: upper half, normal. rankexec.so, preloaded into the program of a rank: when a program
 * that has not called MPI replaces itself by another one (a wrapper script, env, numactl, taskset),
 * the other one is started by cr_mpirank again, so that it can be checkpointed as well. Children
 * are not concerned: they are native processes.
 */
#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define ARGV0 CR_LOWER_ARGV0_VARIABLE "="

/* Both lists on pages of their own: exec may be called where malloc may not. */
struct lists {
    char **argv;
    char **environment;
    char argv0[PATH_MAX];
};

static int is_rank(void)
{
    return cr_lower->magic == CR_LOWER_MAGIC && cr_lower->pid == cr_sys_getpid() &&
           !cr_lower->mpi_initialized;
}

static size_t count(char *const *list)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL)
        n++;
    return n;
}

/* cr_mpirank PATH argv[1].., and the real argv[0] in the environment. Returns NULL without memory.
 * */
static struct lists *make_lists(const char *path, char *const *argv, char *const *environment)
{
    size_t argc = count(argv), envc = count(environment), i, n = 0;
    size_t size = sizeof(struct lists) + (argc + envc + 6) * sizeof(char *);
    uint64_t at = cr_sys_mmap(0, CR_PAGE_UP(size), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct lists *l = (struct lists *)at;

    if (cr_sys_is_error(at))
        return NULL;
    l->argv = (char **)(l + 1);
    l->argv[n++] = cr_lower->program;
    l->argv[n++] = (char *)path;
    for (i = 1; i < argc; i++)
        l->argv[n++] = argv[i];
    l->argv[n++] = NULL;
    l->environment = l->argv + n;
    for (i = 0; i < envc; i++)
        l->environment[i] = environment[i];
    cr_fmt(l->argv0, sizeof l->argv0, "%s%s", ARGV0, argc > 0 ? argv[0] : path);
    l->environment[envc] = l->argv0;
    return l;
}

static int execute(const char *path, char *const *argv, char *const *environment)
{
    struct lists *l = NULL;
    long rc = -ENOEXEC;

    if (is_rank() && access(path, X_OK) == 0)
        l = make_lists(path, argv, environment);
    if (l != NULL)
        rc = cr_sys(SYS_execve, cr_lower->program, l->argv, l->environment);
    if (rc < 0)
        rc = cr_sys(SYS_execve, path, argv, environment);
    errno = (int)-rc;
    return -1;
}

/* Finds NAME in PATH; 0 if it is not there. */
static int search(const char *name, char *out, size_t size)
{
    const char *at = getenv("PATH");

    if (at == NULL)
        at = "/bin:/usr/bin";
    for (;;) {
        size_t length = strcspn(at, ":");
        if (length + strlen(name) + 2 <= size) {
            memcpy(out, at, length);
            cr_fmt(out + length, size - length, "%s%s", length > 0 ? "/" : "./", name);
            if (access(out, X_OK) == 0)
                return 1;
        }
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

EXPORT int execve(const char *path, char *const argv[], char *const environment[])
{
    return execute(path, argv, environment);
}

EXPORT int execv(const char *path, char *const argv[])
{
    return execute(path, argv, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const environment[])
{
    int (*original)(const char *, char *const[], char *const[]);
    char path[PATH_MAX];

    if (is_rank() && strchr(file, '/') != NULL)
        return execute(file, argv, environment);
    if (is_rank() && search(file, path, sizeof path))
        return execute(path, argv, environment);
    original = (__typeof__(original))dlsym(RTLD_NEXT, "execvpe");
    return original(file, argv, environment);
}

EXPORT int execvp(const char *file, char *const argv[])
{
    return execvpe(file, argv, environ);
}
