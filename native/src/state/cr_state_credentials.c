/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_credentials.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/mman.h>

#define CAPABILITIES 64
#define GROUPS_ON_STACK 64
#define UNMAPPED_GROUP 65534U    /* how a user namespace shows a group that it does not map */
#define WHOLE_RANGE 4294967295UL /* of a map of ids that maps all of them */

static const char GROUPS[] = "its supplementary groups";

/* The bounding sets of the program's threads, looked at before the stop. */
static struct {
    uint64_t bounding;
    uint32_t count;
    int differ;
} seen;

static uint32_t groups[CR_GROUPS_MAX];
static uint32_t group_count;

/* FNV-1a; the kernel gives the list sorted. */
static uint64_t hash_groups(const uint32_t *list, uint32_t count)
{
    uint64_t hash = 0xcbf29ce484222325UL;

    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ list[i]) * 0x100000001b3UL;
    return hash;
}

/* For most the list fits on the stack of the thread, which may be a small one. */
static void save_groups(struct cr_credentials *c)
{
    const size_t size = CR_PAGE_UP(CR_GROUPS_MAX * sizeof(uint32_t));
    uint32_t few[GROUPS_ON_STACK];
    long count = cr_sys(SYS_getgroups, GROUPS_ON_STACK, few);
    uint64_t many = 0;

    if (count < 0) {
        many = cr_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        count = cr_sys(SYS_getgroups, CR_GROUPS_MAX, many);
    }
    c->group_count = count < 0 ? UINT32_MAX : (uint32_t)count;
    c->group_hash =
        hash_groups(many != 0 ? (uint32_t *)many : few, count < 0 ? 0 : (uint32_t)count);
    if (many != 0 && !cr_sys_is_error(many))
        cr_sys_munmap(many, size);
}

static void save_capabilities(struct cr_credentials *c)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};

    cr_sys(SYS_capget, &header, data);
    c->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    c->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    c->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    c->ambient = 0;
    for (int i = 0; (c->permitted & c->inheritable) >> i != 0; i++) {
        if (cr_sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
            c->ambient |= 1UL << i;
        if (i == CAPABILITIES - 1)
            break;
    }
}

/* One system call for each bit. */
static uint64_t read_bounding(void)
{
    uint64_t bounding = 0;

    for (int i = 0; i < CAPABILITIES; i++) {
        long in_bounds = cr_sys(SYS_prctl, PR_CAPBSET_READ, i, 0, 0, 0);

        if (in_bounds < 0)
            break; /* the kernel knows no more */
        bounding |= (uint64_t)in_bounds << i;
    }
    return bounding;
}

void cr_credentials_forget_bounding(void)
{
    seen.count = 0;
    seen.differ = 0;
}

void cr_credentials_see_bounding(uint64_t bounding)
{
    seen.differ |= seen.count > 0 && bounding != seen.bounding;
    seen.bounding = bounding;
    seen.count++;
}

void cr_credentials_save(struct cr_credentials *c)
{
    long bits = cr_sys(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);

    memset(c, 0, sizeof(*c));
    cr_sys(SYS_getresuid, &c->uid[0], &c->uid[1], &c->uid[2]);
    cr_sys(SYS_getresgid, &c->gid[0], &c->gid[1], &c->gid[2]);
    /* An id that is none changes nothing, and the old one is answered. */
    c->uid[3] = (uint32_t)cr_sys(SYS_setfsuid, -1);
    c->gid[3] = (uint32_t)cr_sys(SYS_setfsgid, -1);
    c->securebits = bits > 0 ? (uint32_t)bits : 0;
    save_groups(c);
    save_capabilities(c);
    c->bounding = seen.count > 0 && !seen.differ ? seen.bounding : read_bounding();
}

int cr_credentials_keep_groups(struct cr_error *err)
{
    long count = cr_sys(SYS_getgroups, CR_GROUPS_MAX, groups);

    if (count < 0)
        return cr_fail(err, CR_EREFUSED,
                       "the process is a member of more than %d groups; start it with fewer",
                       CR_GROUPS_MAX);
    group_count = (uint32_t)count;
    return 0;
}

/* In a user namespace of its own a process sees other numbers, and may have no right to set groups. */
static int is_in_user_namespace(void)
{
    char text[128];
    const char *at = text;
    uint64_t value[3];

    if (cr_sys_read_file("/proc/self/uid_map", text, sizeof(text)) <= 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        while (*at == ' ')
            at++;
        value[i] = cr_parse_u64(&at, 10);
    }
    return value[0] != 0 || value[1] != 0 || value[2] != WHOLE_RANGE;
}

static int has_unmapped_group(void)
{
    for (uint32_t i = 0; i < group_count; i++) {
        if (groups[i] == UNMAPPED_GROUP)
            return 1;
    }
    return 0;
}

static void set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};

    cr_sys(SYS_capset, &header, data);
}

/* The capabilities stay while the ids change, and go when everything else is done. */
static void set_ids(const struct cr_credentials *c, const struct cr_credentials *now)
{
    cr_sys(SYS_prctl, PR_SET_SECUREBITS, now->securebits | 1U << SECURE_NO_SETUID_FIXUP, 0, 0, 0);
    if (c->group_count != now->group_count || c->group_hash != now->group_hash)
        cr_sys(SYS_setgroups, group_count, groups);
    cr_sys(SYS_setresgid, c->gid[0], c->gid[1], c->gid[2]);
    cr_sys(SYS_setresuid, c->uid[0], c->uid[1], c->uid[2]);
    cr_sys(SYS_setfsgid, c->gid[3]);
    cr_sys(SYS_setfsuid, c->uid[3]);
}

static void set_rights(const struct cr_credentials *c, const struct cr_credentials *now)
{
    for (int i = 0; i < CAPABILITIES; i++) {
        if ((now->bounding & ~c->bounding & 1UL << i) != 0)
            cr_sys(SYS_prctl, PR_CAPBSET_DROP, i, 0, 0, 0);
    }
    /* Capabilities first become inheritable, as only such can be ambient. */
    set_capabilities(now->effective, now->permitted, c->inheritable);
    cr_sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int i = 0; i < CAPABILITIES; i++) {
        if ((c->ambient & 1UL << i) != 0)
            cr_sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
    }
    cr_sys(SYS_prctl, PR_SET_SECUREBITS, c->securebits, 0, 0, 0);
    set_capabilities(c->effective, c->permitted, c->inheritable);
}

/* The bounding set does not count: it only limits what a later exec may gain, and the restarter's own limit holds. */
static const char *compare(const struct cr_credentials *a, const struct cr_credentials *b)
{
    if (memcmp(a->uid, b->uid, sizeof(a->uid)) != 0)
        return "its user ids";
    if (memcmp(a->gid, b->gid, sizeof(a->gid)) != 0)
        return "its group ids";
    if (a->effective != b->effective || a->permitted != b->permitted ||
        a->inheritable != b->inheritable || a->ambient != b->ambient)
        return "its capabilities";
    if (a->securebits != b->securebits)
        return "its securebits";
    if (a->group_count != b->group_count || a->group_hash != b->group_hash)
        return GROUPS;
    return NULL;
}

const char *cr_credentials_restore(const struct cr_credentials *c)
{
    struct cr_credentials now;
    const char *differs;

    cr_credentials_save(&now);
    now.bounding = read_bounding();
    differs = compare(c, &now);
    if (differs == NULL && (now.bounding & ~c->bounding) == 0)
        return NULL;
    set_ids(c, &now);
    set_rights(c, &now);
    cr_credentials_save(&now);
    differs = compare(c, &now);
    /* Supplementary groups stay those of the restarter where a user namespace cannot name the others. */
    if (differs == GROUPS && (has_unmapped_group() || is_in_user_namespace()))
        return NULL;
    return differs;
}
