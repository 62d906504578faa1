/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_restart: brings the processes of an image back, and stands in for the eldest. */
#include "cr_restart_options.h"

#include "cr_cli.h"
#include "cr_error.h"
#include "cr_relocate.h"
#include "cr_reply.h"
#include "cr_restart_source.h"
#include "cr_restore_group.h"
#include "cr_returning.h"
#include "cr_stand_in.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the user's COMMAND. Returns its status, 0 if there is none. */
static int run_hook(const char *command)
{
    int status;

    if (command == NULL)
        return 0;
    fflush(NULL);
    status = system(command);
    if (status < 0)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A hook that fails in its turn has said all that is to be said. */
static int fail(const struct cr_restart_options *o, int hook, const struct cr_error *err)
{
    int status = run_hook(o->hooks[hook]);

    cr_reply_send(err->code, 0, err->text);
    if (status != 0)
        return status;
    if (!o->quiet) {
        cr_cli_show_log(o->log, 1);
        fprintf(stderr, "cr_restart: %s\n", err->text);
    }
    return cr_restart_status(err->code);
}

static struct cr_restore_options restore_options(const struct cr_restart_options *o)
{
    static const char *const names[] = {CR_STAND_IN_MAYBE, CR_STAND_IN_ALWAYS, CR_STAND_IN_NEVER};

    return (struct cr_restore_options){.exact_pid = o->pid == CR_IDS_OLD,
                                       .new_pid = o->pid == CR_IDS_NEW,
                                       .pid_namespace = o->pid_namespace,
                                       .restore_pgid = o->pgid,
                                       .restore_sid = o->sid,
                                       .files = o->files,
                                       .tcp = o->tcp,
                                       .signal = abs(o->signal),
                                       .stand_in = names[o->omit]};
}

static int open_flags(const struct cr_restart_options *o)
{
    static const int files[] = {CR_RESTORE_FILES_REFERENCE, CR_RESTORE_FILES_CONTENTS,
                                CR_RESTORE_FILES_CHECK};

    return (o->no_check_files ? CR_RESTORE_NO_CHECK_FILES : 0) |
           (o->files >= 0 ? files[o->files] : 0);
}

/* RET_CHILD is 0 where there is nothing to stand in for. */
static int start(const struct cr_restart_options *o, const char *path, pid_t *ret_child,
                 struct cr_error *err)
{
    const struct cr_restore_options options = restore_options(o);
    struct cr_restore_group *g;
    sigset_t all;
    sigset_t old;
    int rc = cr_restore_group_open(path, open_flags(o), &g, err);

    if (rc < 0)
        return rc;
    rc = cr_restore_group_check(g, &options, err);
    if (rc == 0 && !o->check_only) {
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &old);
        rc = cr_restore_group_start(g, ret_child, err);
        if (rc == 0 && cr_restore_group_is_orphan(g))
            *ret_child = 0;
        if (rc == 0 && *ret_child > 0)
            cr_stand_in_forward(*ret_child);
        sigprocmask(SIG_SETMASK, &old, NULL);
    }
    cr_restore_group_close(g);
    return rc;
}

/* OLD, NEW, OLD, NEW, ...; kept to the end. */
static int use_relocations(const struct cr_restart_options *o, struct cr_error *err)
{
    size_t size = 1;
    char *rules;
    char *at;

    if (o->relocation_count == 0)
        return 0;
    for (int i = 0; i < o->relocation_count; i++)
        size += strlen(o->relocations[i].from) + strlen(o->relocations[i].to) + 2;
    rules = at = calloc(1, size);
    if (rules == NULL)
        return cr_fail(err, ENOMEM, "no memory for --relocate");
    for (int i = 0; i < o->relocation_count; i++) {
        at = stpcpy(at, o->relocations[i].from) + 1;
        at = stpcpy(at, o->relocations[i].to) + 1;
    }
    cr_relocate_use(rules);
    return 0;
}

/* To be saved with the others, cr_restart needs an agent: then it begins anew with one. */
static void take_part(const struct cr_restart_options *o, char **argv)
{
    const char *old = getenv("LD_PRELOAD");
    char library[PATH_MAX];

    if (o->omit != CR_OMIT_NEVER || cr_cli_library("libcr_run.so.0", library, sizeof(library)) < 0)
        return;
    if ((old == NULL || strstr(old, library) == NULL) && cr_cli_set_preload(library) == 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    static struct cr_restart_options options;
    struct cr_restart_source source;
    struct cr_error err = {0};
    pid_t child = 0;
    int for_program = cr_reply_init();
    int rc = cr_restart_parse(argc, argv, &options, &err);

    /* All that it makes inherits it, until each process has its own name. */
    prctl(PR_SET_NAME, CR_RETURNING_NAME);
    if (rc == 0)
        take_part(&options, argv);
    if (rc == 0)
        rc = cr_restart_source_open(&options, &source, &err);
    if (rc < 0)
        return fail(&options, CR_HOOK_FAIL_ARGS, &err);
    rc = use_relocations(&options, &err);
    if (rc == 0)
        rc = start(&options, source.path, &child, &err);
    if (rc < 0)
        return fail(&options, cr_restart_hook(err.code), &err);
    if (options.check_only)
        return 0;
    cr_restart_source_close(&source);
    if (!options.quiet)
        cr_cli_show_log(options.log, 0);
    /* The processes are those of the program that asked for them. */
    cr_reply_send(0, child, "");
    if (for_program)
        return 0;
    rc = run_hook(options.hooks[CR_HOOK_SUCCESS]);
    if (rc != 0)
        return rc;
    if (child == 0)
        return 0;
    cr_stand_in_wait(child);
}
