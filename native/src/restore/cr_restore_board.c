/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The memory that the calling process and all that it makes have in common. */
#include "cr_restore_group_parts.h"

#include "cr_fmt.h"
#include "cr_relocate.h"
#include "cr_sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEET_TIMEOUT_NS (60LL * 1000000000)
#define TICK_NS 50000000

#define ALIGN(x) (((x) + 63) & ~63UL)

static size_t count_threads(const struct cr_kin *k)
{
    return k->image != NULL ? k->image->thread_count : k->pid > 0;
}

static size_t count_ids(const struct cr_restore_group *g)
{
    size_t n = 2 * g->kin_count; /* groups and sessions */

    for (size_t i = 0; i < g->kin_count; i++)
        n += count_threads(&g->kin[i]);
    return n;
}

static size_t count_fds(const struct cr_restore_group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->kin_count; i++)
        n += g->kin[i].image != NULL ? g->kin[i].image->fd_count : 0;
    return n;
}

static void fill_member(const struct cr_restore_group *g, size_t index, struct cr_handoff_member *m,
                        uint32_t *fd, uint32_t *id)
{
    const struct cr_kin *k = &g->kin[index];
    struct cr_freeze_id *ids = cr_handoff_ids(g->handoff) + *id;
    size_t threads = count_threads(k);

    m->known_pid = k->pid;
    m->parent = k->parent;
    m->flags = k->stopped ? CR_MEMBER_STOPPED : 0;
    m->first_fd = *fd;
    m->fd_count = (uint32_t)k->inherited_count;
    m->first_id = *id;
    m->id_count = (uint32_t)threads;
    memcpy(cr_handoff_fds(g->handoff) + *fd, k->inherited,
           k->inherited_count * sizeof(*k->inherited));
    for (size_t i = 0; i < threads; i++) {
        int tid = k->image != NULL ? k->image->threads[i].tid : k->pid;
        ids[i] = (struct cr_freeze_id){tid, 0, CR_ID_THREAD | (tid == k->pid ? CR_ID_PROCESS : 0U)};
    }
    *fd += m->fd_count;
    *id += m->id_count;
}

static int make_memory(struct cr_restore_group *g, size_t size, struct cr_error *err)
{
    int fd = memfd_create("quiesce-handoff", MFD_CLOEXEC);
    void *at;

    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return cr_fail(err, errno, "no memory to hand over %zu bytes: %s", size, strerror(errno));
    g->handoff_fd = cr_group_raise(g, fd, err);
    if (g->handoff_fd < 0)
        return g->handoff_fd;
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, g->handoff_fd, 0);
    if (at == MAP_FAILED)
        return cr_fail(err, errno, "no memory to hand over %zu bytes: %s", size, strerror(errno));
    g->handoff = at;
    return 0;
}

/* For callbacks that ask. */
static void tell_source(const char *path, struct cr_handoff *h)
{
    char absolute[PATH_MAX];

    h->restarter = getpid();
    if (realpath(path, absolute) != NULL && absolute[0] == '/')
        snprintf(h->source, sizeof(h->source), "%s", absolute);
}

int cr_board_make(struct cr_restore_group *g, struct cr_error *err)
{
    size_t members = ALIGN(sizeof(struct cr_handoff));
    size_t ids = ALIGN(members + g->kin_count * sizeof(struct cr_handoff_member));
    size_t fds = ALIGN(ids + count_ids(g) * sizeof(struct cr_freeze_id));
    size_t rules = ALIGN(fds + count_fds(g) * sizeof(struct cr_inherited));
    size_t rules_size;
    const char *text = cr_relocate_rules(&rules_size);
    size_t size = ALIGN(rules + rules_size);
    uint32_t fd = 0;
    uint32_t id = 0;
    struct cr_handoff *h;
    int rc = make_memory(g, size, err);

    if (rc < 0)
        return rc;
    h = g->handoff;
    h->magic = CR_HANDOFF_MAGIC;
    h->size = (uint32_t)size;
    h->members = (uint32_t)members;
    h->ids = (uint32_t)ids;
    h->fds = (uint32_t)fds;
    h->member_count = (uint32_t)g->kin_count;
    if (text != NULL) {
        h->relocations = (uint32_t)rules;
        memcpy((char *)h + rules, text, rules_size);
    }
    tell_source(g->path, h);
    for (size_t i = 0; i < g->kin_count; i++)
        fill_member(g, i, &cr_handoff_members(h)[i], &fd, &id);
    h->id_count = id;
    return 0;
}

static void add_id(struct cr_handoff *h, int known, int kernel, uint32_t kinds)
{
    struct cr_freeze_id *ids = cr_handoff_ids(h);

    for (uint32_t i = 0; i < h->id_count; i++)
        if (ids[i].known == known && (ids[i].kinds & kinds) == kinds)
            return;
    ids[h->id_count++] = (struct cr_freeze_id){known, kernel, kinds};
}

static int leader_now(const struct cr_restore_group *g, int id, int inherited, int own)
{
    int leader = cr_group_find(g, id);

    if (inherited)
        return own;
    return leader >= 0 ? cr_handoff_members(g->handoff)[leader].kernel_pid : id;
}

void cr_board_tell_leaders(struct cr_restore_group *g)
{
    struct cr_handoff *h = g->handoff;

    for (size_t i = 0; i < g->kin_count; i++) {
        const struct cr_kin *k = &g->kin[i];
        const struct cr_handoff_member *m = &cr_handoff_members(h)[i];
        if (k->kind == CR_KIN_ZOMBIE)
            cr_handoff_ids(h)[m->first_id].kernel = m->kernel_pid;
        if (k->kind == CR_KIN_GHOST)
            continue;
        /* 0 is what the program knew one by that was outside of its pid namespace. */
        if (k->pgid >= 0)
            add_id(h, k->pgid,
                   leader_now(g, k->pgid, cr_group_inherits_group(g, k->pgid), g->own_pgid),
                   CR_ID_GROUP);
        if (k->sid >= 0)
            add_id(h, k->sid,
                   leader_now(g, k->sid, cr_group_inherits_session(g, k->sid), g->own_sid),
                   CR_ID_SESSION);
    }
}

static long futex(volatile uint32_t *word, int operation, uint32_t value, const struct timespec *t)
{
    return cr_sys(SYS_futex, word, operation, value, t, 0, 0);
}

int cr_board_fail(struct cr_restore_group *g, int index, int code, const char *text)
{
    struct cr_handoff *h = g->handoff;
    uint32_t none = 0;

    if (!__atomic_compare_exchange_n(&h->failed, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return -code;
    if (index >= 0)
        cr_fail(&h->error, code, "%s: %s", cr_group_name(&g->kin[index]), text);
    else
        cr_fail(&h->error, code, "%s", text);
    __atomic_store_n(&h->failed, 2, __ATOMIC_RELEASE);
    futex(&h->arrived, FUTEX_WAKE, INT32_MAX, NULL);
    return -code;
}

int cr_board_failed(const struct cr_restore_group *g, struct cr_error *err)
{
    const struct cr_handoff *h = g->handoff;
    const struct timespec step = {0, 1000000};

    if (__atomic_load_n(&h->failed, __ATOMIC_ACQUIRE) == 0)
        return 0;
    for (int i = 0; i < 1000 && __atomic_load_n(&h->failed, __ATOMIC_ACQUIRE) != 2; i++)
        nanosleep(&step, NULL);
    *err = h->error;
    return err->code != 0 ? -err->code : -CR_EINTERNAL;
}

int cr_board_meet(struct cr_restore_group *g, int (*tick)(struct cr_restore_group *g),
                  struct cr_error *err)
{
    const struct timespec step = {0, TICK_NS};
    struct cr_handoff *h = g->handoff;
    uint32_t parties = (uint32_t)g->kin_count + 1;
    uint32_t wanted = ++g->barriers * parties;
    int64_t deadline = cr_sys_clock_ns(CLOCK_MONOTONIC) + MEET_TIMEOUT_NS;
    uint32_t came = __atomic_add_fetch(&h->arrived, 1, __ATOMIC_ACQ_REL);

    if (came == wanted)
        futex(&h->arrived, FUTEX_WAKE, INT32_MAX, NULL);
    while ((came = __atomic_load_n(&h->arrived, __ATOMIC_ACQUIRE)) < wanted) {
        int rc = cr_board_failed(g, err);
        if (rc == 0 && futex(&h->arrived, FUTEX_WAIT, came, &step) == -ETIMEDOUT) {
            rc = tick(g);
            if (rc == 0 && cr_sys_clock_ns(CLOCK_MONOTONIC) > deadline)
                rc = cr_board_fail(g, -1, CR_ETIMEOUT, "the processes were not made in time");
        }
        if (rc < 0)
            return cr_board_failed(g, err);
    }
    return cr_board_failed(g, err);
}
