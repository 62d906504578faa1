/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the members are to each other, as the manifest tells it. */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#define INIT 1
#define RECORD_ROOM 8192UL /* no record is longer */

static struct cr_member *find_by_pid(const struct cr_group *g, pid_t pid)
{
    for (size_t i = 0; i < g->count; i++) {
        if (cr_member_counts(g->members[i]) && g->members[i]->facts.pid == pid)
            return g->members[i];
    }
    return NULL;
}

/* The number by which the members know a process. */
static int known(const struct cr_group *g, pid_t pid)
{
    const struct cr_member *m = find_by_pid(g, pid);

    return m != NULL ? m->known_pid : pid;
}

static int depth_of(const struct cr_group *g, const struct cr_member *m)
{
    int depth = 0;

    while ((m = find_by_pid(g, m->facts.parent)) != NULL && depth <= (int)g->count)
        depth++;
    return depth;
}

static int read_again(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    struct cr_facts facts;

    if (cr_member_look(m, &facts) < 0) {
        cr_member_hang_up(m);
        m->stage = CR_MEMBER_GONE;
        return 0;
    }
    m->facts = facts;
    if (cr_facts_are_of_dead(&facts)) {
        cr_member_hang_up(m);
        m->stage = CR_MEMBER_ZOMBIE;
    }
    if (m->stage == CR_MEMBER_ZOMBIE && m->uid != geteuid() && geteuid() != 0)
        return cr_fail(err, EPERM,
                       "process %d (%s) has ended and is not waited for; it was another user's, "
                       "and only that user and root may see how it ended",
                       m->facts.pid, m->facts.comm);
    return g->count > 0 ? 0 : -CR_EINTERNAL;
}

static int has_twin(const struct cr_group *g, size_t index)
{
    const struct cr_member *m = g->members[index];

    for (size_t i = 0; i < index; i++) {
        if (cr_member_counts(g->members[i]) && g->members[i]->known_pid == m->known_pid)
            return 1;
    }
    return 0;
}

static const struct cr_group *sorted;

static int parents_first(const void *a, const void *b)
{
    const struct cr_member *x = *(struct cr_member *const *)a;
    const struct cr_member *y = *(struct cr_member *const *)b;
    int deeper = depth_of(sorted, x) - depth_of(sorted, y);

    if (deeper != 0)
        return deeper;
    return (x->known_pid > y->known_pid) - (x->known_pid < y->known_pid);
}

int cr_group_settle(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (cr_member_counts(g->members[i]))
            rc = read_again(g, g->members[i], err);
    }
    if (rc < 0)
        return rc;
    sorted = g;
    qsort(g->members, g->count, sizeof(struct cr_member *), parents_first);
    for (size_t i = 0; i < g->count; i++) {
        if (cr_member_counts(g->members[i]) && has_twin(g, i))
            return cr_fail(err, CR_EREFUSED,
                           "two processes of the checkpoint know themselves as process %d (they "
                           "were restarted from one image); checkpoint them one by one",
                           g->members[i]->known_pid);
    }
    return 0;
}

static void fill_group(const struct cr_group *g, quiesce_group_Group *out)
{
    struct utsname uts = {0};

    memset(out, 0, sizeof(*out));
    uname(&uts);
    out->format_version = CR_MANIFEST_FORMAT;
    cr_str_copy(out->quiesce_version, sizeof(out->quiesce_version), QUIESCE_VERSION);
    if (getrandom(out->group_id, sizeof(out->group_id), 0) < 0)
        memset(out->group_id, 0, sizeof(out->group_id));
    out->taken_at_realtime_ns = cr_sys_clock_ns(CLOCK_REALTIME);
    cr_str_copy(out->hostname, sizeof(out->hostname), uts.nodename);
    cr_str_copy(out->kernel_release, sizeof(out->kernel_release), uts.release);
    out->scope = (int32_t)g->options->scope;
    out->target = g->options->target;
    out->requester = g->options->requester != 0 ? g->options->requester : getpid();
    for (size_t i = 0; i < g->count; i++)
        out->members += cr_member_counts(g->members[i]) != 0;
}

static quiesce_group_MemberState state_of(const struct cr_member *m)
{
    if (m->stage == CR_MEMBER_ZOMBIE)
        return quiesce_group_MemberState_MEMBER_ZOMBIE;
    return m->stopped ? quiesce_group_MemberState_MEMBER_STOPPED
                      : quiesce_group_MemberState_MEMBER_RUNNING;
}

static void fill_member(const struct cr_group *g, const struct cr_member *m,
                        quiesce_group_Member *out)
{
    const struct cr_facts *f = &m->facts;
    const struct cr_member *parent = find_by_pid(g, f->parent);
    char path[32];
    ssize_t length;

    memset(out, 0, sizeof(*out));
    out->pid = m->known_pid;
    out->kernel_pid = f->pid;
    out->parent = parent != NULL ? parent->known_pid : 0;
    out->child_of_init = parent == NULL && f->parent == INIT;
    out->pgid = known(g, f->pgid);
    out->sid = known(g, f->sid);
    out->tty = f->tty;
    out->foreground = f->foreground > 0 ? known(g, f->foreground) : -1;
    out->state = state_of(m);
    out->stop_signal = !m->stopped ? 0 : m->stop_signal != 0 ? m->stop_signal : SIGSTOP;
    out->exit_status = m->stage == CR_MEMBER_ZOMBIE ? f->exit_status : 0;
    out->exit_signal = f->exit_signal;
    cr_str_copy(out->comm, sizeof(out->comm), f->comm);
    snprintf(path, sizeof(path), "/proc/%d/exe", f->pid);
    length = m->stage == CR_MEMBER_TALKING
                 ? readlink(path, out->executable, sizeof(out->executable) - 1)
                 : 0;
    out->executable[length > 0 ? length : 0] = '\0';
    out->uid = m->uid;
    out->offset = m->stage == CR_MEMBER_TALKING ? m->offset : 0;
    out->size = m->size;
    out->digest_high = m->digest_high;
    out->digest_low = m->digest_low;
    out->session_leads_tty = f->tty != 0 && f->sid == f->pid;
    out->start_time = f->start_time;
}

static int put_members(struct cr_group *g, struct cr_manifest_text *text, struct cr_error *err)
{
    quiesce_group_Member *member = malloc(sizeof(*member));
    int rc = member != NULL ? 0 : cr_fail(err, ENOMEM, "no memory for the manifest");

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (!cr_member_counts(g->members[i]))
            continue;
        fill_member(g, g->members[i], member);
        rc = cr_manifest_put(text, quiesce_group_RecordType_RECORD_MEMBER,
                             quiesce_group_Member_fields, member, err);
    }
    free(member);
    return rc;
}

int cr_group_add_shared(struct cr_group *g, uint32_t type, const pb_msgdesc_t *fields,
                        const void *message, struct cr_error *err)
{
    struct cr_manifest_text *t = &g->shared;

    if (t->size - t->used < RECORD_ROOM) {
        size_t size = 2 * t->size + 16 * RECORD_ROOM;
        uint8_t *more = realloc(t->bytes, size);

        if (more == NULL)
            return cr_fail(err, ENOMEM, "no memory for the manifest");
        t->bytes = more;
        t->size = size;
    }
    return cr_manifest_put(t, type, fields, message, err);
}

int cr_group_manifest(struct cr_group *g, void **ret_text, size_t *ret_size, struct cr_error *err)
{
    struct cr_manifest_text text = {.size = (g->count + 2) * RECORD_ROOM + g->shared.used};
    quiesce_group_Group group;
    int rc;

    text.bytes = malloc(text.size);
    if (text.bytes == NULL)
        return cr_fail(err, ENOMEM, "no memory for the manifest");
    fill_group(g, &group);
    rc = cr_manifest_put(&text, quiesce_group_RecordType_RECORD_GROUP, quiesce_group_Group_fields,
                         &group, err);
    if (rc == 0)
        rc = put_members(g, &text, err);
    if (rc == 0 && g->shared.used > 0) {
        memcpy(text.bytes + text.used, g->shared.bytes, g->shared.used);
        text.used += g->shared.used;
        text.records += g->shared.records;
    }
    if (rc == 0)
        rc = cr_manifest_end(&text, err);
    if (rc < 0) {
        free(text.bytes);
        return rc;
    }
    *ret_text = text.bytes;
    *ret_size = text.used;
    return 0;
}
