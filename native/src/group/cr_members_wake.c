/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. From a process to a connection with its agent. A process that was born, or has
 * called exec, a moment ago has no agent yet; it is waited for as long as one is likely to come.
 */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_returning.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MILLI 1000000LL
#define AGENT_LIKELY_NS (5000 * MILLI) /* for an agent to start where one is due */
#define AGENT_OTHER_NS (300 * MILLI)   /* where none is due */
#define AGENT_GIVEN_NS (5 * MILLI)     /* where none is due, and we can give it one */
#define RETURN_NS (60000 * MILLI)      /* for a process that is being restarted */
#define CONNECT_NS (10000 * MILLI)
#define LOOK_NS (10 * MILLI) /* between looks at one that was woken */
#define FILE_MAX (256UL << 10)

/* Does the file PATH of /proc hold TEXT? Parts may be divided by NULs. */
static int proc_holds(pid_t pid, const char *name, const char *text)
{
    char path[64];
    char *contents = malloc(FILE_MAX);
    long size = -1;
    int found;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    if (contents != NULL)
        size = cr_sys_read_file(path, contents, FILE_MAX);
    found = size > 0 && memmem(contents, (size_t)size, text, strlen(text)) != NULL;
    free(contents);
    return found;
}

/*
 * A dynamic program with our library in its environment or in its memory is about to have an agent.
 * A process without memory is about to end.
 */
static int agent_is_due(pid_t pid)
{
    if (!proc_holds(pid, "maps", "-"))
        return 1;
    if (proc_holds(pid, "maps", "/libcr.so") || proc_holds(pid, "maps", "/libcr_run.so"))
        return 1;
    return (proc_holds(pid, "environ", "libcr.so") || proc_holds(pid, "environ", "libcr_run.so")) &&
           proc_holds(pid, "maps", "/ld-linux");
}

/* Has M ended? Then it is a zombie or nothing from now on. */
static int has_ended(struct cr_member *m)
{
    struct cr_facts facts;

    if (cr_member_look(m, &facts) < 0) {
        m->stage = CR_MEMBER_GONE;
        return 1;
    }
    m->facts = facts;
    if (cr_facts_are_of_dead(&facts))
        m->stage = CR_MEMBER_ZOMBIE;
    return m->stage == CR_MEMBER_ZOMBIE;
}

/* Until it calls exec, a child of vfork lives in its parent's memory, and the parent waits. */
static int is_in_vfork(const struct cr_member *m)
{
    return m->facts.parent > 0 &&
           cr_sys(SYS_kcmp, m->facts.pid, m->facts.parent, KCMP_VM, 0, 0) == 0;
}

static int refuse_no_agent(const struct cr_member *m, const struct cr_error *why,
                           struct cr_error *err)
{
    if (is_in_vfork(m))
        return cr_fail(
            err, CR_ENOPARK,
            "process %d waits in vfork for its child %d (%s), which has not called exec; "
            "try again later",
            m->facts.parent, m->facts.pid, m->facts.comm);
    if (why->code != CR_ENOAGENT)
        return cr_fail(err, why->code, "%s", why->text);
    return cr_fail(err, CR_ENOAGENT,
                   "process %d (%s) has no checkpoint agent: start it with cr_run, or link it with "
                   "-lcr",
                   m->facts.pid, m->facts.comm);
}

/* No agent now: later, from outside, or never. */
static int await_agent(struct cr_group *g, struct cr_member *m, const struct cr_error *why,
                       struct cr_error *err)
{
    int64_t waited = cr_group_now() - m->found_at;
    int64_t patience = g->options->attach != NULL ? AGENT_GIVEN_NS : AGENT_OTHER_NS;
    int rc;

    if (has_ended(m))
        return 0;
    if (strcmp(m->facts.comm, CR_RETURNING_NAME) == 0) {
        if (waited < RETURN_NS)
            return 0;
        return cr_fail(err, CR_ETIMEOUT,
                       "process %d is still being restarted; try again when that is done",
                       m->facts.pid);
    }
    if (proc_holds(m->facts.pid, "maps", "/libcr_omit.so")) {
        m->stage = CR_MEMBER_LEFT;
        return 0;
    }
    if (waited < patience ||
        (waited < AGENT_LIKELY_NS && (is_in_vfork(m) || agent_is_due(m->facts.pid))))
        return 0;
    if (g->options->attach == NULL || is_in_vfork(m))
        return refuse_no_agent(m, why, err);
    m->found_at = cr_group_now();
    rc = g->options->attach(m->facts.pid, g->options->argument, err);
    if (rc == -EAGAIN || (rc < 0 && has_ended(m))) {
        *err = (struct cr_error){0};
        return 0;
    }
    return rc;
}

/* A stopped process has an agent that does not hear. */
static int hold_if_stopped(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    struct cr_error ignored;
    struct cr_facts facts;
    pid_t agent;

    if (cr_facts_read(m->facts.pid, &facts) < 0 || facts.state != 'T' ||
        cr_session_find_agent(m->facts.pid, &agent, &ignored) < 0)
        return 0;
    g->holds = 1;
    return cr_stopped_begin(m, agent, err);
}

static int wake_one(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    struct cr_error why = {0};
    int rc;

    rc = hold_if_stopped(g, m, err);
    if (rc < 0)
        return rc;
    rc = cr_session_wake(&g->session, m->facts.pid, &m->agent, &why);
    if (rc == -ESRCH && has_ended(m))
        return 0;
    if (rc == -ESRCH && cr_group_now() - m->found_at < AGENT_LIKELY_NS)
        return 0;
    if (rc == -CR_ENOAGENT || rc == -ESRCH)
        return await_agent(g, m, &why, err);
    if (rc == -EPERM)
        return cr_fail(err, EPERM,
                       "process %d (%s) belongs to another user; only that user and root may "
                       "checkpoint it",
                       m->facts.pid, m->facts.comm);
    if (rc < 0)
        return cr_fail(err, why.code, "%s", why.text);
    m->stage = CR_MEMBER_WOKEN;
    m->woken_at = m->woken_at != 0 ? m->woken_at : cr_group_now();
    m->looked_at = cr_group_now();
    return 0;
}

int cr_member_silent(const struct cr_member *m, struct cr_error *err)
{
    return cr_fail(err, CR_ETIMEOUT,
                   "the checkpoint agent of process %d (%s) does not answer (is the process "
                   "stopped?)",
                   m->facts.pid, m->facts.comm);
}

/* The agent may have vanished with an exec between its signal and its answer. */
static int look_after(struct cr_member *m, struct cr_error *err)
{
    int64_t time = cr_group_now();
    struct cr_error ignored;
    pid_t tid;

    if (time - m->looked_at < LOOK_NS)
        return 0;
    m->looked_at = time;
    if (has_ended(m))
        return 0;
    if (m->facts.state == 'T' || cr_session_find_agent(m->facts.pid, &tid, &ignored) < 0 ||
        tid != m->agent) {
        m->stage = CR_MEMBER_NEW;
        m->found_at = time;
        m->woken_at = 0;
        return 0;
    }
    if (time - m->woken_at < CONNECT_NS)
        return 0;
    return cr_member_silent(m, err);
}

int cr_members_wake(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->stage == CR_MEMBER_NEW)
            rc = wake_one(g, m, err);
        else if (m->stage == CR_MEMBER_WOKEN)
            rc = look_after(m, err);
        if (rc < 0 && g->options->dry_run && g->options->refused != NULL) {
            g->options->refused(m->facts.pid, err, g->options->argument);
            m->stage = CR_MEMBER_LEFT;
            m->err = *err;
            rc = 0;
        }
    }
    return rc;
}
