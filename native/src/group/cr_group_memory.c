/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Objects in memory that several members map. Where one of them maps all that the
 * others map, it stores the contents and the others are told to leave them out.
 */
#include "cr_group_parts.h"

#include "cr_fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/sysmacros.h>

#define ELSEWHERE_MAX 256 /* objects in one frame */

struct mapping {
    struct cr_member *member;
    uint64_t device;
    uint64_t inode;
    int segment;    /* of System V: inode is its id */
    uint64_t begin; /* in the object */
    uint64_t end;
    const struct cr_member
        *owner; /* who stores it: of all mappings of one object the same; NULL: everybody */
};

struct table {
    struct mapping *list;
    size_t count;
    size_t room;
};

static int add(struct table *t, const struct mapping *m)
{
    if (t->count == t->room) {
        size_t room = t->room > 0 ? t->room * 2 : 64;
        struct mapping *more = realloc(t->list, room * sizeof(*more));

        if (more == NULL)
            return -ENOMEM;
        t->list = more;
        t->room = room;
    }
    t->list[t->count++] = *m;
    return 0;
}

/* A line of /proc/PID/maps; 1 if it is a shared mapping. */
static int parse(const char *line, struct mapping *m)
{
    unsigned long start, end, offset, inode;
    unsigned major_number, minor_number;
    char permissions[8];

    if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu", &start, &end, permissions, &offset, &major_number,
               &minor_number, &inode) != 7 ||
        permissions[3] != 's')
        return 0;
    m->device = makedev(major_number, minor_number);
    m->inode = inode;
    m->begin = offset;
    m->end = offset + (end - start);
    m->segment = strstr(line, " /SYSV") != NULL;
    return 1;
}

static int read_maps(struct table *t, struct cr_member *member)
{
    struct mapping m = {.member = member};
    char *line = NULL;
    size_t size = 0;
    char path[64];
    FILE *maps;
    int rc = 0;

    snprintf(path, sizeof(path), "/proc/%d/maps", member->facts.pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return -errno;
    while (rc == 0 && getline(&line, &size, maps) > 0) {
        if (parse(line, &m))
            rc = add(t, &m);
    }
    free(line);
    fclose(maps);
    return rc;
}

static int same_object(const struct mapping *a, const struct mapping *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static int by_object(const void *a, const void *b)
{
    const struct mapping *x = a;
    const struct mapping *y = b;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    if (x->member != y->member)
        return x->member->facts.pid < y->member->facts.pid ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Does one mapping of MEMBER among the COUNT from LIST on hold all of WHAT? */
static int covers(const struct mapping *list, size_t count, const struct cr_member *member,
                  const struct mapping *what)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].member == member && list[i].begin <= what->begin && list[i].end >= what->end)
            return 1;
    }
    return 0;
}

static const struct cr_member *choose_owner(const struct mapping *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t covered = 0;

        if (i > 0 && list[i].member == list[i - 1].member)
            continue;
        while (covered < count && covers(list, count, list[i].member, &list[covered]))
            covered++;
        if (covered == count)
            return list[i].member;
    }
    return NULL;
}

static int put(struct cr_group *g, quiesce_group_SharedObject *record, struct cr_error *err)
{
    int rc = cr_group_add_shared(g, quiesce_group_RecordType_RECORD_SHARED,
                                 quiesce_group_SharedObject_fields, record, err);

    record->pid_count = 0;
    return rc;
}

/* The COUNT mappings from LIST on are of one object. */
static int put_object(struct cr_group *g, struct mapping *list, size_t count, struct cr_error *err)
{
    const size_t max = sizeof(((quiesce_group_SharedObject *)0)->pid) / sizeof(int32_t);
    quiesce_group_SharedObject record = {.device = list->device, .inode = list->inode};
    const struct cr_member *owner;
    int rc = 0;

    if (list[0].member == list[count - 1].member)
        return 0;
    owner = choose_owner(list, count);
    record.owner = owner != NULL ? owner->known_pid : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        list[i].owner = owner;
        if (i > 0 && list[i].member == list[i - 1].member)
            continue;
        record.pid[record.pid_count++] = list[i].member->known_pid;
        if (record.pid_count == max)
            rc = put(g, &record, err);
    }
    return rc == 0 && record.pid_count > 0 ? put(g, &record, err) : rc;
}

/* A System V segment that a process outside has attached too would fall apart at a restart. */
static int check_segment(const struct mapping *list, size_t count, struct cr_error *err)
{
    struct shmid_ds status;

    if (!list->segment || shmctl((int)list->inode, IPC_STAT, &status) < 0 ||
        status.shm_nattch <= count)
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "System V segment %d (key 0x%x) of process %d is attached by a process that is "
                   "not saved; save that one too, or let it detach",
                   (int)list->inode, (unsigned)status.shm_perm.__key, list->member->facts.pid);
}

static int put_all(struct cr_group *g, struct table *t, struct cr_error *err)
{
    size_t begin = 0;
    int rc = 0;

    if (t->count > 1)
        qsort(t->list, t->count, sizeof(*t->list), by_object);
    for (size_t i = 1; rc == 0 && i <= t->count; i++) {
        if (i < t->count && same_object(&t->list[begin], &t->list[i]))
            continue;
        rc = check_segment(&t->list[begin], i - begin, err);
        if (rc == 0)
            rc = put_object(g, &t->list[begin], i - begin, err);
        begin = i;
    }
    return rc;
}

static int tell(struct cr_group *g, struct cr_member *m, const struct table *t,
                struct cr_error *err)
{
    quiesce_wire_ObjectId ids[ELSEWHERE_MAX];
    size_t count = 0;

    for (size_t i = 0; i < t->count && count < ELSEWHERE_MAX; i++) {
        const struct mapping *a = &t->list[i];

        if (a->member != m || a->owner == NULL || a->owner == m ||
            (i > 0 && t->list[i - 1].member == m && same_object(a, &t->list[i - 1])))
            continue;
        ids[count++] = (quiesce_wire_ObjectId){.device = a->device, .inode = a->inode};
    }
    if (count == 0)
        return 0;
    memset(&g->frame, 0, sizeof(g->frame));
    g->frame.round = g->round;
    g->frame.which_body = quiesce_wire_Frame_elsewhere_tag;
    g->frame.body.elsewhere.object = cr_wire_list_of(ids, count);
    return cr_member_send(g, m, err);
}

static int anybody_shares(const struct cr_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->members[i]->stage == CR_MEMBER_TALKING && g->members[i]->shares)
            return 1;
    }
    return 0;
}

int cr_group_find_memory(struct cr_group *g, struct cr_error *err)
{
    struct table t = {NULL, 0, 0};
    int rc = 0;

    if (!anybody_shares(g))
        return 0;
    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (g->members[i]->stage != CR_MEMBER_TALKING)
            continue;
        rc = read_maps(&t, g->members[i]);
        if (rc < 0)
            cr_fail(err, -rc, "cannot read the memory map of process %d: %s",
                    g->members[i]->facts.pid, cr_error_words(-rc));
    }
    if (rc == 0)
        rc = put_all(g, &t, err);
    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (g->members[i]->stage == CR_MEMBER_TALKING)
            rc = tell(g, g->members[i], &t, err);
    }
    free(t.list);
    return rc;
}
