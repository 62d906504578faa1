/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Who makes whom, and when. A process can only be born into the session in which
 * its maker is, so a child that is older than its parent's session is made before that begins, and
 * for a session whose leader has died there is a ghost that leads it for a moment and makes the
 * others for its own parent. An orphan is made by a ghost as well, which leaves it behind.
 */
#include "cr_restore_group_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define OURS 0 /* the session of the calling process */

int cr_group_find(const struct cr_restore_group *g, int pid)
{
    for (size_t i = 0; pid > 0 && i < g->kin_count; i++)
        if (g->kin[i].pid == pid)
            return (int)i;
    return -1;
}

const char *cr_group_name(const struct cr_kin *k)
{
    static char name[64];

    if (k->comm[0] != '\0')
        snprintf(name, sizeof(name), "process %d (%s)", k->pid, k->comm);
    else
        snprintf(name, sizeof(name), "process %d", k->pid);
    return name;
}

static int has_leader(const struct cr_restore_group *g, int id)
{
    int i = cr_group_find(g, id);

    return i >= 0 && g->kin[i].kind != CR_KIN_GHOST;
}

int cr_group_inherits_session(const struct cr_restore_group *g, int sid)
{
    const struct cr_kin *eldest = &g->kin[0];

    if (sid <= 0 || (g->options.restore_sid && sid == g->own_sid))
        return 1;
    if (sid == eldest->sid)
        return !g->options.restore_sid;
    /* What is older than the eldest's own session belongs to the one from which that came. */
    return eldest->pid == eldest->sid && !has_leader(g, sid) && !g->options.restore_sid;
}

int cr_group_inherits_group(const struct cr_restore_group *g, int pgid)
{
    if (pgid <= 0)
        return 1;
    return g->options.restore_pgid ? pgid == g->own_pgid : pgid == g->kin[0].pgid;
}

int cr_group_leads_session(const struct cr_restore_group *g, const struct cr_kin *k)
{
    return k->pid > 0 && k->pid == k->sid && !cr_group_inherits_session(g, k->sid);
}

int cr_group_leads_group(const struct cr_restore_group *g, const struct cr_kin *k)
{
    return k->pid > 0 && k->pid == k->pgid && !cr_group_inherits_group(g, k->pgid);
}

static int session_of(const struct cr_restore_group *g, int index)
{
    return index < 0 || cr_group_inherits_session(g, g->kin[index].sid) ? OURS : g->kin[index].sid;
}

static int birth_session_of(const struct cr_restore_group *g, int index)
{
    return index < 0 ? OURS : g->kin[index].birth;
}

/* Returns the ghost's index, or a negative code. */
static int add_ghost(struct cr_restore_group *g, struct cr_kin ghost, struct cr_error *err)
{
    ghost.kind = CR_KIN_GHOST;
    ghost.exit_signal = SIGCHLD;
    ghost.foreground = -1;
    ghost.comm = "";
    ghost.socket = -1;
    ghost.peer_socket = -1;
    if (g->kin_count == g->kin_room)
        return cr_fail(err, CR_EINTERNAL, "more helpers than processes");
    g->kin[g->kin_count] = ghost;
    return (int)g->kin_count++;
}

static void set_maker(const struct cr_restore_group *g, struct cr_kin *k, int maker, int early)
{
    k->maker = maker;
    k->early = early;
    k->birth = early ? birth_session_of(g, maker) : session_of(g, maker);
}

/* A child that is older than the session of K, and is in the one in which K's maker began. */
static int has_older_child(const struct cr_restore_group *g, int index)
{
    const struct cr_kin *k = &g->kin[index];

    for (size_t i = 0; i < g->kin_count; i++) {
        int session = session_of(g, (int)i);
        if (g->kin[i].parent == index && session == birth_session_of(g, k->parent) &&
            session != session_of(g, k->parent) && session != k->sid)
            return 1;
    }
    return 0;
}

/* The orphan is made by a ghost in the right session, which ends and leaves it. */
static int leave_behind(struct cr_restore_group *g, int index, int leader, struct cr_error *err)
{
    int ghost = add_ghost(g,
                          (struct cr_kin){.parent = leader,
                                          .maker = leader,
                                          .birth = session_of(g, leader),
                                          .sid = g->kin[index].sid},
                          err);

    if (ghost < 0)
        return ghost;
    set_maker(g, &g->kin[index], ghost, 0);
    return 0;
}

/* The leader had died: a ghost takes its place. */
static int make_leader(struct cr_restore_group *g, int index, struct cr_error *err)
{
    struct cr_kin *k = &g->kin[index];
    int ghost = add_ghost(g,
                          (struct cr_kin){.pid = k->sid,
                                          .parent = k->parent,
                                          .maker = k->parent,
                                          .birth = session_of(g, k->parent),
                                          .sid = k->sid,
                                          .pgid = k->sid},
                          err);

    if (ghost < 0)
        return ghost;
    set_maker(g, k, ghost, 0);
    k->for_parent = 1;
    return 0;
}

static int is_below(const struct cr_restore_group *g, int index, int ancestor)
{
    while (index >= 0 && index != ancestor)
        index = g->kin[index].parent;
    return index == ancestor;
}

/* Neither K's parent nor its maker has ever been in K's session. */
static int plan_stranger(struct cr_restore_group *g, int index, struct cr_error *err)
{
    struct cr_kin *k = &g->kin[index];
    int leader = cr_group_find(g, k->sid);

    if (leader < 0)
        return make_leader(g, index, err);
    if (g->kin[leader].parent == k->parent) {
        set_maker(g, k, leader, 0);
        k->for_parent = 1;
        return 0;
    }
    if (k->parent >= 0 && is_below(g, leader, k->parent))
        g->kin[k->parent].takes_orphans = 1;
    else if (!k->child_of_init)
        return cr_fail(err, CR_EREFUSED,
                       "%s is in session %d, into which its parent cannot bear it: this family "
                       "cannot be made again",
                       cr_group_name(k), k->sid);
    return leave_behind(g, index, leader, err);
}

static int plan_birth(struct cr_restore_group *g, int index, struct cr_error *err)
{
    struct cr_kin *k = &g->kin[index];
    int session = session_of(g, index);

    if (k->child_of_init && session == session_of(g, -1) && !g->options.pid_namespace)
        return leave_behind(g, index, -1, err);
    if (cr_group_leads_session(g, k))
        set_maker(g, k, k->parent, k->parent >= 0 && has_older_child(g, index));
    else if (session == session_of(g, k->parent))
        set_maker(g, k, k->parent, 0);
    else if (session == birth_session_of(g, k->parent))
        set_maker(g, k, k->parent, 1);
    else
        return plan_stranger(g, index, err);
    return 0;
}

/* A group whose leader has died is begun by a ghost, which one of its members makes. */
static int plan_group(struct cr_restore_group *g, int index, struct cr_error *err)
{
    const struct cr_kin *k = &g->kin[index];
    int rc = 0;

    if (k->pgid > 0 && !cr_group_inherits_group(g, k->pgid) && cr_group_find(g, k->pgid) < 0)
        rc = add_ghost(g,
                       (struct cr_kin){.pid = k->pgid,
                                       .pgid = k->pgid,
                                       .sid = k->sid,
                                       .parent = index,
                                       .maker = index,
                                       .birth = session_of(g, index)},
                       err);
    return rc < 0 ? rc : 0;
}

int cr_group_plan(struct cr_restore_group *g, struct cr_error *err)
{
    size_t real = g->kin_count;
    int rc = 0;

    /* A session has but groups of its own. */
    if (g->options.restore_sid)
        g->options.restore_pgid = 1;
    for (size_t i = 0; rc == 0 && i < real; i++)
        rc = plan_birth(g, (int)i, err);
    for (size_t i = 0; rc == 0 && i < real; i++)
        rc = plan_group(g, (int)i, err);
    return rc;
}
