/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_start.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_break.h"
#include "cr_lower_conditions.h"
#include "cr_lower_elf.h"
#include "cr_lower_environment.h"
#include "cr_lower_fds.h"
#include "cr_lower_fill.h"
#include "cr_lower_hooks.h"
#include "cr_lower_node.h"
#include "cr_lower_page.h"
#include "cr_lower_paths.h"
#include "cr_lower_program.h"
#include "cr_lower_rseq.h"
#include "cr_lower_stack.h"
#include "cr_lower_threads.h"
#include "cr_lower_vdso.h"

#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LINKER_ARGUMENTS 8 /* linker, --argv0 NAME, --preload LIST, program, and room */

/* Tells the user once what this rank will lack. */
static void report_missing(const struct cr_lower_paths *paths)
{
    const char *missing = NULL;

    if (paths->agent[0] == '\0')
        missing = "lib/libcr.so.0";
    else if (paths->stub[0] == '\0')
        missing = "libexec/quiesce/mpi/libmpi.so.40";
    if (missing != NULL)
        fprintf(stderr,
                "cr_mpirank: %s is missing in this installation: this rank runs but cannot be "
                "checkpointed\n",
                missing);
}

/* "libcr.so.0:libmpi.so.40:rankexec.so", what is missing left out; "" for nothing. Returns NULL on
 * failure. */
static char *preload_list(const struct cr_lower_paths *paths, struct cr_error *err)
{
    const char *const libraries[] = {paths->agent, paths->stub, paths->rankexec};
    size_t i, length = 0, size = 3 * PATH_MAX;
    char *list = malloc(size);

    if (list == NULL) {
        cr_fail(err, ENOMEM, "no memory");
        return NULL;
    }
    list[0] = '\0';
    for (i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        if (strpbrk(libraries[i], " :") != NULL) {
            cr_fail(err, EINVAL,
                    "%s: the dynamic linker cannot preload from a folder with a blank or colon in "
                    "its name",
                    libraries[i]);
            return NULL;
        }
        if (libraries[i][0] != '\0')
            length +=
                cr_fmt(list + length, size - length, "%s%s", length > 0 ? ":" : "", libraries[i]);
    }
    return list;
}

/* The dynamic linker, run as a program, with the application's program and arguments. */
static char **make_arguments(struct cr_lower_program *p, const struct cr_lower_paths *paths,
                             char **argv, struct cr_error *err)
{
    char *list = preload_list(paths, err);
    size_t count = 0, n = 0;
    char **out;
    int i;

    if (list == NULL)
        return NULL;
    while (argv[count] != NULL)
        count++;
    out = malloc((count + (size_t)p->prefix_count + LINKER_ARGUMENTS) * sizeof *out);
    if (out == NULL) {
        cr_fail(err, ENOMEM, "no memory");
        return NULL;
    }
    out[n++] = p->interpreter;
    out[n++] = (char *)"--argv0";
    out[n++] = (char *)p->argv0;
    if (list[0] != '\0') {
        out[n++] = (char *)"--preload";
        out[n++] = list;
    }
    out[n++] = p->path;
    for (i = 0; i < p->prefix_count; i++)
        out[n++] = p->prefix[i];
    for (argv++; *argv != NULL; argv++)
        out[n++] = *argv;
    out[n] = NULL;
    return out;
}

/* From here on, what is mapped without an address is the application's. */
static int separate(struct cr_error *err)
{
    int rc = cr_lower_hooks_install(err);

    if (rc == 0)
        rc = cr_lower_threads_start(err);
    if (rc == 0)
        rc = cr_lower_page_make(0, err);
    if (rc == 0)
        rc = cr_lower_break_fix(err);
    if (rc == 0)
        rc = cr_lower_fill_snapshot(0, err);
    if (rc == 0)
        rc = cr_lower_fill(err);
    return rc;
}

static void name_process(const char *path)
{
    const char *slash = strrchr(path, '/');

    prctl(PR_SET_NAME, slash != NULL ? slash + 1 : path);
}

/* A job that cannot be checkpointed is still a job: it runs, and its user is told. */
static void start_node(const struct cr_lower_paths *paths, char **argv)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    struct cr_error err = {0, ""};
    int length;

    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = '\0';
    if (cr_lower_node_start(paths->node, argv, version, &err) < 0)
        fprintf(stderr, "cr_mpirank: %s: this rank runs but cannot be checkpointed\n", err.text);
}

static int enter(struct cr_lower_program *program, const struct cr_lower_paths *paths,
                 char **arguments, char **environment, struct cr_error *err)
{
    struct cr_lower_stack stack;
    struct cr_lower_elf linker;
    int rc = cr_lower_elf_load(program->interpreter, &linker, err);

    if (rc == 0 && paths->fake_vdso[0] != '\0')
        rc = cr_lower_vdso_load(paths->fake_vdso, err);
    if (rc == 0)
        rc = cr_lower_stack_make(arguments, environment, &linker, cr_lower->fake_vdso_start, &stack,
                                 err);
    if (rc < 0)
        return rc;
    cr_lower_fds_snapshot();
    cr_lower_rseq_unregister();
    name_process(program->name);
    cr_lower_conditions_give_back();
    cr_lower_stack_enter(&stack, linker.entry);
}

/*
 * A rank that executes another program comes here with that one's argv[0]. A program that cannot be
 * run in two halves was none of the user's choice for mpirun: it gets the process natively.
 */
static int find_program(char **argv, char **environment, struct cr_lower_program *program,
                        struct cr_error *err)
{
    char *argv0 = getenv(CR_LOWER_ARGV0_VARIABLE);
    int rc = cr_lower_program_find(argv[0], program, err);

    if (argv0 == NULL)
        return rc;
    if (rc == 0 && program->prefix_count == 0)
        program->argv0 = argv0;
    if (rc == -ENOEXEC) {
        char *path = argv[0];
        argv[0] = argv0;
        execve(path, argv, environment);
    }
    return rc;
}

int cr_lower_start(char **argv, struct cr_error *err)
{
    static struct cr_lower_program program;
    static struct cr_lower_paths paths;
    char **arguments, **environment = cr_lower_environment_of_application();
    int rc;

    if (environment == NULL)
        return cr_fail(err, ENOMEM, "no memory");
    rc = find_program(argv, environment, &program, err);
    if (rc == 0)
        rc = cr_lower_paths_find(&paths, err);
    if (rc < 0)
        return rc;
    report_missing(&paths);
    arguments = make_arguments(&program, &paths, argv, err);
    if (arguments == NULL)
        return -err->code;
    cr_lower_environment_set();
    rc = separate(err);
    if (rc < 0)
        return rc;
    start_node(&paths, argv);
    return enter(&program, &paths, arguments, environment, err);
}
