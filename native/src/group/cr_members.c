/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Which processes a request is for. */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_MAX 1024
#define STATUS_MAX 8192
#define FIELD_LAST 52

/* The number of each field behind the name, as proc(5) counts them: [3] is the state. */
static int split_fields(const char *at, long long *fields)
{
    int n = 4;

    while (n <= FIELD_LAST && sscanf(at, "%lld", &fields[n]) == 1) {
        n++;
        at = strchr(at + 1, ' ');
        if (at == NULL)
            break;
    }
    return n > 22 ? n : -1;
}

int cr_facts_read(pid_t pid, struct cr_facts *ret_facts)
{
    long long fields[FIELD_LAST + 1] = {0};
    char text[STAT_MAX];
    char path[64];
    char *open;
    char *end;
    int count;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return -ESRCH;
    open = strchr(text, '(');
    end = strrchr(text, ')');
    if (open == NULL || end == NULL || end[1] == '\0' || end[2] == '\0')
        return -ESRCH;
    count = split_fields(end + 3, fields);
    if (count < 0)
        return -ESRCH;
    *end = '\0';
    *ret_facts = (struct cr_facts){
        .pid = pid,
        .state = end[2],
        .parent = (pid_t)fields[4],
        .pgid = (pid_t)fields[5],
        .sid = (pid_t)fields[6],
        .tty = (uint32_t)fields[7],
        .foreground = (int)fields[8],
        .threads = (uint32_t)fields[20],
        .start_time = (uint64_t)fields[22],
        .exit_signal = (int)fields[38],
        .exit_status = count > FIELD_LAST ? (int)fields[FIELD_LAST] : -1,
    };
    cr_str_copy(ret_facts->comm, sizeof(ret_facts->comm), open + 1);
    return 0;
}

int cr_member_look(const struct cr_member *m, struct cr_facts *ret_facts)
{
    int rc = cr_facts_read(m->facts.pid, ret_facts);

    return rc == 0 && ret_facts->start_time != m->facts.start_time ? -ESRCH : rc;
}

static int by_pid(const void *a, const void *b)
{
    const struct cr_facts *x = a;
    const struct cr_facts *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct cr_facts *find_facts(const struct cr_facts *facts, size_t count, pid_t pid)
{
    struct cr_facts key = {.pid = pid};

    return count > 0 ? bsearch(&key, facts, count, sizeof(*facts), by_pid) : NULL;
}

/* Where there is room for one more; NULL: no memory. */
static struct cr_facts *new_facts(struct cr_facts **facts, size_t count, size_t *room)
{
    if (count == *room) {
        size_t more = *room > 0 ? *room * 2 : 512;
        struct cr_facts *moved = realloc(*facts, more * sizeof(**facts));

        if (moved == NULL)
            return NULL;
        *facts = moved;
        *room = more;
    }
    return &(*facts)[count];
}

/* All processes of the system. QUICK: those that G knows are taken as they were. */
static int list_processes(struct cr_group *g, int quick, struct cr_error *err)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    struct cr_facts *facts = NULL;
    size_t count = 0;
    size_t room = 0;

    if (proc == NULL)
        return cr_fail(err, errno, "cannot list the processes in /proc: %s", strerror(errno));
    while ((entry = readdir(proc)) != NULL) {
        struct cr_facts *slot = new_facts(&facts, count, &room);
        const struct cr_facts *known = NULL;
        pid_t pid = atoi(entry->d_name);

        if (slot == NULL || !isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (quick)
            known = find_facts(g->facts, g->fact_count, pid);
        if (known != NULL)
            *slot = *known;
        slot->asked_for = 0;
        count += known != NULL || cr_facts_read(pid, slot) == 0;
    }
    closedir(proc);
    if (count == 0) {
        free(facts);
        return cr_fail(err, ESRCH, "there are no processes in /proc");
    }
    qsort(facts, count, sizeof(*facts), by_pid);
    free(g->facts);
    g->facts = facts;
    g->fact_count = count;
    g->own_pid = getpid();
    g->looked_at = cr_group_now();
    return 0;
}

static int is_excluded(const struct cr_group *g, pid_t pid)
{
    if (pid == g->own_pid)
        return 1;
    for (size_t i = 0; i < g->options->omit_count; i++) {
        if (g->options->omit[i] == pid)
            return 1;
    }
    for (size_t i = 0; i < g->skipped_count; i++) {
        if (g->skipped[i] == pid)
            return 1;
    }
    return 0;
}

/* Where the way up from PID ends: at ROOT (1), or at the calling process or nobody (0). */
static int leads_to(const struct cr_group *g, pid_t pid, pid_t root)
{
    struct cr_facts *first = find_facts(g->facts, g->fact_count, pid);
    struct cr_facts *p = first;
    size_t steps = 0;
    int below = 0;

    while (p != NULL && p->pid != g->own_pid && steps++ <= g->fact_count) {
        below = p->asked_for == root ? p->is_below : p->pid == root;
        if (below || p->asked_for == root)
            break;
        p = find_facts(g->facts, g->fact_count, p->parent);
    }
    /* Many have the same ancestors, and some have hundreds. */
    for (p = first; p != NULL && steps > 0; steps--) {
        p->asked_for = root;
        p->is_below = below;
        p = find_facts(g->facts, g->fact_count, p->parent);
    }
    return below;
}

/* Is P a descendant of ROOT, or ROOT? Nobody below the calling process is. */
static int is_below(const struct cr_group *g, const struct cr_facts *p, pid_t root)
{
    return p->pid == root || leads_to(g, p->parent, root);
}

static int belongs(const struct cr_group *g, const struct cr_facts *p,
                   const struct cr_group_target *t)
{
    if (is_excluded(g, p->pid))
        return 0;
    switch (t->scope) {
    case CR_GROUP_PROCESS:
        return p->pid == t->target;
    case CR_GROUP_PGRP:
        return p->pgid == t->target;
    case CR_GROUP_SESSION:
        return p->sid == t->target;
    default:
        return is_below(g, p, t->target);
    }
}

int cr_members_belongs(const struct cr_group *g, const struct cr_facts *p)
{
    for (size_t i = 0; i < g->target_count; i++) {
        if (belongs(g, p, &g->targets[i]))
            return 1;
    }
    return 0;
}

int cr_facts_are_of_dead(const struct cr_facts *p)
{
    return (p->state == 'Z' || p->state == 'X') && p->threads <= 1;
}

static struct cr_member *find_member(const struct cr_group *g, const struct cr_facts *p)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i]->facts.pid == p->pid &&
            g->members[i]->facts.start_time == p->start_time &&
            g->members[i]->stage != CR_MEMBER_GONE)
            return g->members[i];
    }
    return NULL;
}

static struct cr_member *new_member(struct cr_group *g)
{
    struct cr_member **more = realloc(g->members, (g->count + 1) * sizeof(struct cr_member *));
    struct cr_member *m = calloc(1, sizeof(*m));

    if (more != NULL)
        g->members = more;
    if (more == NULL || m == NULL) {
        free(m);
        return NULL;
    }
    m->fd = -1;
    g->members[g->count++] = m;
    return m;
}

static uint64_t status_field(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* The last number of "NSpid:": its pid in the innermost namespace. */
static pid_t innermost_pid(const char *text, pid_t otherwise)
{
    const char *at = strstr(text, "\nNSpid:\t");
    char *next;

    at = at != NULL ? at + sizeof("\nNSpid:\t") - 1 : "\n";
    while (*at != '\n' && *at != '\0') {
        otherwise = (pid_t)strtol(at, &next, 10);
        if (next == at)
            break;
        at = next;
    }
    return otherwise;
}

/* What its status says. The second number of "Uid:" is the effective one. */
static void read_status(struct cr_member *m)
{
    char text[STATUS_MAX];
    char path[32];
    const char *uid;
    uint64_t kib;

    snprintf(path, sizeof(path), "/proc/%d/status", m->facts.pid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return;
    m->known_pid = innermost_pid(text, m->facts.pid);
    uid = strstr(text, "\nUid:\t");
    uid = uid != NULL ? strchr(uid + 6, '\t') : NULL;
    m->uid = uid != NULL ? (uint32_t)strtoul(uid, NULL, 10) : 0;
    kib = status_field(text, "\nRssShmem:");
    m->shares = kib > 0;
    kib += status_field(text, "\nRssAnon:") + status_field(text, "\nVmSwap:");
    m->memory = kib << 10;
}

static int add_member(struct cr_group *g, const struct cr_facts *p, struct cr_error *err)
{
    struct cr_member *m = new_member(g);

    if (m == NULL)
        return cr_fail(err, ENOMEM, "no memory for %zu processes", g->count);
    m->facts = *p;
    m->known_pid = p->pid;
    read_status(m);
    m->found_at = cr_group_now();
    m->stage = cr_facts_are_of_dead(p) ? CR_MEMBER_ZOMBIE : CR_MEMBER_NEW;
    return 0;
}

/* The dead are their parents' business: without the parent nobody would wait for them. */
static int is_of_interest(const struct cr_group *g, const struct cr_facts *p)
{
    const struct cr_facts *parent;

    if (!cr_members_belongs(g, p))
        return 0;
    if (!cr_facts_are_of_dead(p))
        return 1;
    parent = find_facts(g->facts, g->fact_count, p->parent);
    return parent != NULL && cr_members_belongs(g, parent);
}

int cr_members_scan(struct cr_group *g, int quick, struct cr_error *err)
{
    int added = 0;
    int rc = list_processes(g, quick, err);

    for (size_t i = 0; rc == 0 && i < g->fact_count; i++) {
        const struct cr_facts *p = &g->facts[i];

        if (find_member(g, p) != NULL || !is_of_interest(g, p))
            continue;
        rc = add_member(g, p, err);
        added++;
    }
    return rc < 0 ? rc : added;
}

int cr_members_of(struct cr_group *g, const struct cr_group_target *target)
{
    int count = 0;

    for (size_t i = 0; i < g->fact_count; i++)
        count += belongs(g, &g->facts[i], target) && !cr_facts_are_of_dead(&g->facts[i]);
    return count;
}

int cr_member_counts(const struct cr_member *m)
{
    return m->stage == CR_MEMBER_TALKING || m->stage == CR_MEMBER_ZOMBIE;
}

void cr_members_free(struct cr_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        cr_stopped_end(g->members[i]);
        if (g->members[i]->fd >= 0)
            close(g->members[i]->fd);
        free(g->members[i]->buffer);
        free(g->members[i]);
    }
    free(g->members);
    free(g->facts);
    free(g->shared.bytes);
    free(g->skipped);
}
