/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Open file descriptions that several members have: inherited by fork, or sent
 * over a socket. The kernel only says whether two descriptors are the same one, and in which order
 * two different ones come; only those of one file need be compared.
 */
#include "cr_group_parts.h"

#include "cr_sys.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define PRESENT_AT_ONCE 512
#define MQUEUE_MAGIC 0x19800202
/* The device by which a member is told of another one, whose process id is the inode (CR_PRESENT_PROCESS of its agent). */
#define PROCESSES (UINT64_MAX - 1)

struct descriptor {
    const struct cr_member *member;
    uint64_t device;
    uint64_t inode;
    int fd;
    int has_ends; /* a pipe, a socket or a terminal: it is of no use without its other end */
};

struct table {
    struct descriptor *list;
    size_t count;
    size_t room;
};

static long failure;    /* of a comparison while sorting */
static int have_queues; /* somebody has a POSIX message queue open, and must know who is a member */

static int add(struct table *t, const struct cr_member *m, int fd, const struct stat *st)
{
    if (t->count == t->room) {
        size_t room = t->room > 0 ? t->room * 2 : 256;
        struct descriptor *more = realloc(t->list, room * sizeof(*more));

        if (more == NULL)
            return -ENOMEM;
        t->list = more;
        t->room = room;
    }
    t->list[t->count++] =
        (struct descriptor){m, st->st_dev, st->st_ino, fd,
                            S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISCHR(st->st_mode)};
    return 0;
}

/* All masters of pseudoterminals are one file: each is told by its number. */
static int add_master(struct table *masters, const struct cr_member *m, int fd)
{
    struct stat st = {.st_dev = UINT64_MAX, .st_mode = S_IFCHR};
    char text[512];
    char path[64];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", m->facts.pid, fd);
    if (cr_sys_read_file(path, text, sizeof(text)) < 0)
        return 0;
    at = strstr(text, "tty-index:");
    if (at == NULL)
        return 0;
    st.st_ino = strtoul(at + strlen("tty-index:"), NULL, 10);
    return add(masters, m, fd, &st);
}

static int is_master(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && major(st->st_rdev) == 5 && minor(st->st_rdev) == 2;
}

static void look_for_queue(const struct cr_member *m, int fd, const struct stat *st)
{
    struct statfs fs;
    char path[64];

    if (have_queues || !S_ISREG(st->st_mode) || major(st->st_dev) != 0)
        return;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", m->facts.pid, fd);
    have_queues = statfs(path, &fs) == 0 && fs.f_type == MQUEUE_MAGIC;
}

static int list_descriptors(struct table *t, struct table *masters, const struct cr_member *m)
{
    char path[64];
    const struct dirent *entry;
    DIR *directory;
    int rc = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", m->facts.pid);
    directory = opendir(path);
    if (directory == NULL)
        return -errno;
    while (rc == 0 && (entry = readdir(directory)) != NULL) {
        struct stat st;
        int fd = atoi(entry->d_name);

        if (!isdigit((unsigned char)entry->d_name[0]) ||
            fstatat(dirfd(directory), entry->d_name, &st, 0) != 0)
            continue;
        look_for_queue(m, fd, &st);
        rc = add(t, m, fd, &st);
        if (rc == 0 && is_master(&st))
            rc = add_master(masters, m, fd);
    }
    closedir(directory);
    return rc;
}

static int by_file(const struct descriptor *x, const struct descriptor *y)
{
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Descriptions of a file in the kernel's order, then members, then numbers. */
static int by_description(const void *a, const void *b)
{
    const struct descriptor *x = a;
    const struct descriptor *y = b;
    int order = by_file(x, y);
    long rc;

    if (order != 0)
        return order;
    rc = cr_sys(SYS_kcmp, x->member->facts.pid, y->member->facts.pid, KCMP_FILE, x->fd, y->fd);
    if (rc == 1 || rc == 2)
        return rc == 1 ? -1 : 1;
    if (rc != 0)
        failure = rc;
    if (x->member != y->member)
        return x->member->facts.pid < y->member->facts.pid ? -1 : 1;
    return (x->fd > y->fd) - (x->fd < y->fd);
}

static int is_same(const struct descriptor *x, const struct descriptor *y)
{
    return by_file(x, y) == 0 && cr_sys(SYS_kcmp, x->member->facts.pid, y->member->facts.pid,
                                        KCMP_FILE, x->fd, y->fd) == 0;
}

static int put(struct cr_group *g, quiesce_group_OpenFile *record, struct cr_error *err)
{
    int rc = cr_group_add_shared(g, quiesce_group_RecordType_RECORD_OPEN_FILE,
                                 quiesce_group_OpenFile_fields, record, err);

    record->holder_count = 0;
    return rc;
}

/* The COUNT descriptors from D on are one description. */
static int put_shared(struct cr_group *g, const struct descriptor *d, size_t count, uint32_t *id,
                      struct cr_error *err)
{
    const size_t max = sizeof(((quiesce_group_OpenFile *)0)->holder) / sizeof(quiesce_group_Holder);
    quiesce_group_OpenFile record = {.device = d->device, .inode = d->inode};
    int rc = 0;

    if (d[0].member == d[count - 1].member)
        return 0;
    record.id = ++*id;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i > 0 && d[i].member == d[i - 1].member)
            continue;
        record.holder[record.holder_count++] =
            (quiesce_group_Holder){.pid = d[i].member->known_pid, .fd = d[i].fd};
        if (record.holder_count == max)
            rc = put(g, &record, err);
    }
    return rc == 0 && record.holder_count > 0 ? put(g, &record, err) : rc;
}

static int put_all(struct cr_group *g, const struct table *t, struct cr_error *err)
{
    size_t begin = 0;
    uint32_t id = 0;
    int rc = 0;

    for (size_t i = 1; rc == 0 && i <= t->count; i++) {
        if (i < t->count && is_same(&t->list[begin], &t->list[i]))
            continue;
        rc = put_shared(g, &t->list[begin], i - begin, &id, err);
        begin = i;
    }
    return rc;
}

static int compare(struct table *t, struct cr_error *err)
{
    failure = 0;
    if (t->count > 1)
        qsort(t->list, t->count, sizeof(*t->list), by_description);
    if (failure == 0)
        return 0;
    return cr_fail(err, CR_EKERNEL,
                   "this system does not tell which descriptors the processes share (kcmp: %s); a "
                   "kernel with CONFIG_KCMP, and a sandbox that lets it be asked, are needed",
                   failure < 0 ? cr_error_words((int)-failure) : "no order");
}

static int send_present(struct cr_group *g, struct cr_member *m, quiesce_wire_ObjectId *ids,
                        size_t count, struct cr_error *err)
{
    memset(&g->frame, 0, sizeof(g->frame));
    g->frame.round = g->round;
    g->frame.which_body = quiesce_wire_Frame_elsewhere_tag;
    g->frame.body.elsewhere.present = true;
    g->frame.body.elsewhere.object = cr_wire_list_of(ids, count);
    return cr_member_send(g, m, err);
}

/* Each member learns which ends some member has: a connection to somebody else is one to the outside. */
static int tell(struct cr_group *g, struct cr_member *m, const struct table *t,
                struct cr_error *err)
{
    quiesce_wire_ObjectId ids[PRESENT_AT_ONCE];
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        const struct descriptor *d = &t->list[i];

        if (!d->has_ends || (i > 0 && by_file(d, d - 1) == 0))
            continue;
        ids[count++] = (quiesce_wire_ObjectId){.device = d->device, .inode = d->inode};
        if (count == PRESENT_AT_ONCE) {
            rc = send_present(g, m, ids, count, err);
            count = 0;
        }
    }
    return rc == 0 && count > 0 ? send_present(g, m, ids, count, err) : rc;
}

static int tell_of_members(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    quiesce_wire_ObjectId ids[PRESENT_AT_ONCE];
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && have_queues && i < g->count; i++) {
        if (g->members[i]->stage != CR_MEMBER_TALKING)
            continue;
        ids[count++] = (quiesce_wire_ObjectId){.device = PROCESSES,
                                               .inode = (uint64_t)g->members[i]->facts.pid};
        if (count == PRESENT_AT_ONCE) {
            rc = send_present(g, m, ids, count, err);
            count = 0;
        }
    }
    return rc == 0 && count > 0 ? send_present(g, m, ids, count, err) : rc;
}

int cr_group_find_open_files(struct cr_group *g, struct cr_error *err)
{
    struct table t = {NULL, 0, 0};
    struct table masters = {NULL, 0, 0};
    int rc = 0;

    have_queues = 0;
    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        if (g->members[i]->stage != CR_MEMBER_TALKING)
            continue;
        rc = list_descriptors(&t, &masters, g->members[i]);
        if (rc < 0)
            cr_fail(err, -rc, "cannot list the descriptors of process %d: %s%s",
                    g->members[i]->facts.pid, cr_error_words(-rc),
                    rc == -EACCES ? "; it is not dumpable, or runs as another user" : "");
    }
    if (rc == 0)
        rc = compare(&t, err);
    if (rc == 0)
        rc = put_all(g, &t, err);
    for (size_t i = 0; rc == 0 && g->count > 1 && i < g->count; i++) {
        if (g->members[i]->stage != CR_MEMBER_TALKING)
            continue;
        rc = tell(g, g->members[i], &t, err);
        if (rc == 0)
            rc = tell(g, g->members[i], &masters, err);
        if (rc == 0)
            rc = tell_of_members(g, g->members[i], err);
    }
    free(t.list);
    free(masters.list);
    return rc;
}
