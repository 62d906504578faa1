/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Members that are traced, or that trace others: their threads are in other hands than ours. */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_MAX 8192

/* Who traces the main thread of PID; 0: nobody, or we. */
static pid_t tracer_of(pid_t pid)
{
    char path[32];
    char text[STATUS_MAX];
    const char *at;
    pid_t tracer;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    at = strstr(text, "\nTracerPid:\t");
    tracer = at != NULL ? atoi(at + sizeof("\nTracerPid:\t") - 1) : 0;
    return tracer == getpid() ? 0 : tracer;
}

static int skip(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    pid_t *more = realloc(g->skipped, (g->skipped_count + 1) * sizeof(*more));

    if (more == NULL)
        return cr_fail(err, ENOMEM, "no memory");
    g->skipped = more;
    g->skipped[g->skipped_count++] = m->facts.pid;
    m->stage = CR_MEMBER_LEFT;
    return 0;
}

static int look_at_traced(struct cr_group *g, struct cr_member *m, pid_t tracer,
                          struct cr_error *err)
{
    if (tracer == 0 || g->options->ptraced == CR_GROUP_TRACE_ALLOW)
        return 0;
    if (g->options->ptraced == CR_GROUP_TRACE_SKIP)
        return skip(g, m, err);
    return cr_fail(err, CR_EPTRACED,
                   "process %d (%s) is being traced by process %d; end that, or leave the process "
                   "out (--ptraced-skip)",
                   m->facts.pid, m->facts.comm, tracer);
}

static int look_at_tracer(struct cr_group *g, struct cr_member *m, pid_t tracee,
                          struct cr_error *err)
{
    if (g->options->ptracer == CR_GROUP_TRACE_SKIP)
        return skip(g, m, err);
    return cr_fail(err, CR_EPTRACER,
                   "process %d (%s) traces process %d; let it end that, or leave the process out "
                   "(--ptracer-skip)",
                   m->facts.pid, m->facts.comm, tracee);
}

static struct cr_member *living(const struct cr_group *g, pid_t pid)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i]->facts.pid == pid && g->members[i]->stage <= CR_MEMBER_TALKING)
            return g->members[i];
    }
    return NULL;
}

/* Those below a process that is left out are left out with it. */
static void leave_below(struct cr_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->stage <= CR_MEMBER_ZOMBIE && !cr_members_belongs(g, &m->facts)) {
            cr_member_hang_up(m);
            m->stage = CR_MEMBER_LEFT;
        }
    }
}

int cr_members_check_traces(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->fact_count; i++) {
        pid_t pid = g->facts[i].pid;
        pid_t tracer = tracer_of(pid);
        struct cr_member *traced = tracer != 0 ? living(g, pid) : NULL;
        struct cr_member *traces = tracer != 0 ? living(g, tracer) : NULL;

        if (traced != NULL)
            rc = look_at_traced(g, traced, tracer, err);
        if (rc == 0 && traces != NULL)
            rc = look_at_tracer(g, traces, pid, err);
    }
    if (rc == 0 && g->skipped_count > 0)
        leave_below(g);
    return rc;
}
