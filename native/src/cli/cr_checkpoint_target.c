/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_checkpoint_target.h"

#include "cr_cli.h"
#include "cr_returning.h"
#include "cr_session.h"
#include "cr_stand_in.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETURN_TRIES 6000 /* of 10 ms */
#define LEVELS 8          /* of stand-ins: one, and in a pid namespace another one */

static int read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    char *got = f != NULL ? fgets(out, (int)size, f) : NULL;

    if (f != NULL)
        fclose(f);
    if (got == NULL)
        return -1;
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    char line[512];
    const char *end;
    int parent;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (read_line(path, line, sizeof(line)) < 0 || (end = strrchr(line, ')')) == NULL ||
        sscanf(end + 1, " %*c %d", &parent) != 1)
        return 0;
    return parent;
}

/* The first child of PID; 0: none. */
static pid_t child_of(pid_t pid)
{
    char path[64];
    char line[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    return read_line(path, line, sizeof(line)) < 0 ? 0 : atoi(line);
}

static int is_below(pid_t pid, pid_t root)
{
    for (int i = 0; i < 100000 && pid > 0; i++) {
        if (pid == root)
            return 1;
        pid = parent_of(pid);
    }
    return 0;
}

static int is_among(int scope, pid_t target, pid_t pid)
{
    switch (scope) {
    case CR_TARGET_PGRP:
        return getpgid(pid) == target;
    case CR_TARGET_SESS:
        return getsid(pid) == target;
    case CR_TARGET_TREE:
        return is_below(pid, target);
    default:
        return 0;
    }
}

static int read_comm(pid_t pid, char *comm, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    return read_line(path, comm, size);
}

/* Whether PID, of that name, is cr_restart in place of a process. */
static int has_stand_in_name(pid_t pid, const char *comm)
{
    char path[64];
    char exe[PATH_MAX];
    const char *name;
    ssize_t n;

    if (strncmp(comm, CR_STAND_IN_MAYBE, strlen(CR_STAND_IN_MAYBE)) != 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    n = readlink(path, exe, sizeof(exe) - 1);
    exe[n > 0 ? n : 0] = '\0';
    name = strrchr(exe, '/');
    return name != NULL && strncmp(name + 1, "cr_restart", 10) == 0;
}

/* A restored process has the program of its own in /proc, or that of cr_restart where that cannot be changed: it has an agent. */
static int has_agent(pid_t pid)
{
    struct cr_error ignored = {0};
    pid_t tid;

    return cr_session_find_agent(pid, &tid, &ignored) == 0;
}

static int stands_in(pid_t pid)
{
    char comm[32];

    return read_comm(pid, comm, sizeof(comm)) == 0 && has_stand_in_name(pid, comm) &&
           strcmp(comm, CR_STAND_IN_NEVER) != 0 && !has_agent(pid);
}

static int is_returning(pid_t pid)
{
    char comm[32];

    return read_comm(pid, comm, sizeof(comm)) == 0 && strcmp(comm, CR_RETURNING_NAME) == 0;
}

/* A restart that is going on comes first: until it is done nobody can tell stand-ins from those that they stand for. */
static void await_returning(pid_t pid)
{
    const struct timespec pause = {0, 10000000};

    for (int i = 0; i < RETURN_TRIES && is_returning(pid); i++)
        nanosleep(&pause, NULL);
}

static int is_to_be_omitted(const struct cr_checkpoint_target *t, pid_t pid)
{
    char comm[32];
    int rc = read_comm(pid, comm, sizeof(comm));

    if (rc == 0 && strcmp(comm, CR_RETURNING_NAME) == 0 && is_among(t->scope, t->target, pid)) {
        await_returning(pid);
        rc = read_comm(pid, comm, sizeof(comm));
    }
    if (rc < 0 || !has_stand_in_name(pid, comm))
        return 0;
    return strcmp(comm, CR_STAND_IN_ALWAYS) == 0 ||
           (strcmp(comm, CR_STAND_IN_MAYBE) == 0 && !has_agent(pid));
}

/* Stand-ins among the targets that are to be left out, whoever was named. */
static void find_omitted(struct cr_checkpoint_target *t)
{
    const struct dirent *entry;
    DIR *proc = opendir("/proc");

    while (proc != NULL && t->omitted_count < CR_CHECKPOINT_OMITTED &&
           (entry = readdir(proc)) != NULL) {
        pid_t pid = atoi(entry->d_name);

        if (isdigit((unsigned char)entry->d_name[0]) && is_to_be_omitted(t, pid))
            t->omitted[t->omitted_count++] = pid;
    }
    if (proc != NULL)
        closedir(proc);
}

void cr_checkpoint_find_target(const struct cr_checkpoint_options *o,
                               struct cr_checkpoint_target *ret_target)
{
    struct cr_checkpoint_target *t = ret_target;
    pid_t child;

    memset(t, 0, sizeof(*t));
    t->scope = o->scope;
    t->target = o->target;
    await_returning(t->target);
    if (o->scope == CR_TARGET_PROC || o->scope == CR_TARGET_TREE) {
        for (int i = 0; i < LEVELS && stands_in(t->target); i++) {
            child = child_of(t->target);
            if (child == 0)
                break;
            t->target = child;
            await_returning(child);
            t->scope = CR_TARGET_TREE;
        }
    }
    if (t->scope != CR_TARGET_PROC)
        find_omitted(t);
}

void cr_checkpoint_join_targets(const struct cr_checkpoint_options *o, char **argv)
{
    const char *old = getenv("LD_PRELOAD");
    char library[PATH_MAX];

    if (!is_among(o->scope, o->target, getpid()) || has_agent(getpid()))
        return;
    if (cr_cli_library("libcr_run.so.0", library, sizeof(library)) < 0 &&
        cr_cli_library("libcr.so.0", library, sizeof(library)) < 0)
        return;
    /* Once is enough: where it has not helped it never will. */
    if (old != NULL && strstr(old, library) != NULL)
        return;
    if (cr_cli_set_preload(library) == 0)
        execv("/proc/self/exe", argv);
}
