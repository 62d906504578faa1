/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_thread.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#define SET_IO_FLUSHER 57 /* kernel 5.6 */
#define GET_IO_FLUSHER 58
#define IO_PRIORITY_OF_PROCESS 1 /* IOPRIO_WHO_PROCESS */
#define CLAMP_DEFAULT_HIGH 1024U
#define FLAG_CLAMP_LOW 0x20UL
#define FLAG_CLAMP_HIGH 0x40UL

/* Written by the agent while all threads stand. */
static struct {
    int launcher_decides;
    uint64_t online[CR_AFFINITY_WORDS];
} known;

/* "0-3,8" of /sys into bits. */
static void read_online(uint64_t *bits)
{
    char text[1024];
    const char *at = text;

    memset(bits, 0, CR_AFFINITY_WORDS * sizeof(*bits));
    if (cr_sys_read_file("/sys/devices/system/cpu/online", text, sizeof(text)) <= 0)
        return;
    while (*at >= '0' && *at <= '9') {
        uint64_t first = cr_parse_u64(&at, 10);
        uint64_t last = first;

        if (*at == '-') {
            at++;
            last = cr_parse_u64(&at, 10);
        }
        for (uint64_t i = first; i <= last && i < CR_AFFINITY_WORDS * 64UL; i++)
            bits[i / 64] |= 1UL << (i % 64);
        if (*at == ',')
            at++;
    }
}

int cr_attributes_collect(struct cr_state *state, struct cr_error *err)
{
    known.launcher_decides = state->foreign->range_count > 0;
    read_online(known.online);
    return cr_credentials_keep_groups(err);
}

static int get_control(int option)
{
    int value = 0;

    return cr_sys(SYS_prctl, option, &value, 0, 0, 0) == 0 ? value : 0;
}

void cr_attributes_save(struct cr_attributes *a)
{
    long n;

    memset(a, 0, sizeof(*a));
    cr_sys(SYS_sched_getattr, 0, &a->scheduling, sizeof(a->scheduling), 0);
    a->nice = 20 - (int32_t)cr_sys(SYS_getpriority, PRIO_PROCESS, 0);
    n = cr_sys(SYS_sched_getaffinity, 0, sizeof(a->affinity), a->affinity);
    a->affinity_size = n > 0 ? (uint32_t)n : 0;
    a->io_priority = (int32_t)cr_sys(SYS_ioprio_get, IO_PRIORITY_OF_PROCESS, 0);
    a->personality = (uint32_t)cr_sys(SYS_personality, 0xffffffff);
    a->death_signal = get_control(PR_GET_PDEATHSIG);
    a->time_stamp_counter = get_control(PR_GET_TSC);
    a->machine_check = (int32_t)cr_sys(SYS_prctl, PR_MCE_KILL_GET, 0, 0, 0, 0);
    a->io_flusher = (int32_t)cr_sys(SYS_prctl, GET_IO_FLUSHER, 0, 0, 0, 0);
    for (int i = 0; i < CR_SPECULATION_KINDS; i++)
        a->speculation[i] = (int32_t)cr_sys(SYS_prctl, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
    a->no_new_privileges = cr_sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    cr_cputime_save_thread(&a->cputime);
    cr_credentials_save(&a->credentials);
}

static int is_bound(const struct cr_attributes *a)
{
    for (int i = 0; i < CR_AFFINITY_WORDS; i++) {
        if ((known.online[i] & ~a->affinity[i]) != 0)
            return 1;
    }
    return 0;
}

/*
 * A thread that ran on every CPU of its host does so on this one, too. CPUs that this host lacks are left out by the
 * kernel; if it has none of them, the restarter's own CPUs stay.
 */
static void restore_affinity(const struct cr_attributes *a)
{
    if (a->affinity_size != 0 && is_bound(a))
        cr_sys(SYS_sched_setaffinity, 0, a->affinity_size, a->affinity);
}

static int is_real_time(uint32_t policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE;
}

/*
 * A lower nice value than the shell's needs a privilege; running at the shell's is no reason to fail. A real-time
 * policy is one: such a program relies on it.
 */
static const char *restore_scheduling(const struct cr_attributes *a)
{
    struct cr_scheduling wanted = a->scheduling;
    long rc;

    if (wanted.size == 0)
        return NULL;
    if (wanted.clamp_low != 0 ||
        (wanted.clamp_high != 0 && wanted.clamp_high != CLAMP_DEFAULT_HIGH))
        wanted.flags |= FLAG_CLAMP_LOW | FLAG_CLAMP_HIGH;
    rc = cr_sys(SYS_sched_setattr, 0, &wanted, 0);
    if (rc >= 0)
        return NULL;
    if (is_real_time(wanted.policy))
        return "its real-time scheduling policy";
    wanted.flags &= ~(FLAG_CLAMP_LOW | FLAG_CLAMP_HIGH);
    wanted.nice = 20 - (int32_t)cr_sys(SYS_getpriority, PRIO_PROCESS, 0);
    cr_sys(SYS_sched_setattr, 0, &wanted, 0);
    return NULL;
}

/* A setting of the CPU's speculation that the program chose, and that this CPU can be told. */
static const char *restore_speculation(const struct cr_attributes *a)
{
    for (int i = 0; i < CR_SPECULATION_KINDS; i++) {
        int wanted = a->speculation[i];
        long now = cr_sys(SYS_prctl, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);

        if (wanted <= 0 || (wanted & PR_SPEC_PRCTL) == 0 || now == wanted)
            continue;
        cr_sys(SYS_prctl, PR_SET_SPECULATION_CTRL, i, wanted & ~PR_SPEC_PRCTL, 0, 0);
        now = cr_sys(SYS_prctl, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
        if (now != wanted && now != PR_SPEC_NOT_AFFECTED)
            return "its control of speculative execution";
    }
    return NULL;
}

/* The order of PR_MCE_KILL_GET's answers is not that of what PR_MCE_KILL takes, but they have the same numbers. */
static void restore_controls(const struct cr_attributes *a)
{
    cr_sys(SYS_personality, a->personality);
    if (a->machine_check >= 0 && a->machine_check != PR_MCE_KILL_DEFAULT)
        cr_sys(SYS_prctl, PR_MCE_KILL, PR_MCE_KILL_SET, a->machine_check, 0, 0);
    if (a->io_flusher == 1)
        cr_sys(SYS_prctl, SET_IO_FLUSHER, 1, 0, 0, 0);
    if (a->time_stamp_counter != 0)
        cr_sys(SYS_prctl, PR_SET_TSC, a->time_stamp_counter, 0, 0, 0);
    if (a->no_new_privileges)
        cr_sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void cr_attributes_restore(struct cr_attributes *a)
{
    a->failed = NULL;
    cr_cputime_restore_thread(&a->cputime);
    if (!known.launcher_decides) {
        restore_affinity(a);
        a->failed = restore_scheduling(a);
        /* The call above takes it for two of the policies alone. */
        cr_sys(SYS_setpriority, PRIO_PROCESS, 0, a->nice);
        if (a->io_priority >= 0)
            cr_sys(SYS_ioprio_set, IO_PRIORITY_OF_PROCESS, 0, a->io_priority);
    }
    if (a->failed == NULL)
        a->failed = restore_speculation(a);
    restore_controls(a);
    if (a->failed == NULL && !known.launcher_decides)
        a->failed = cr_credentials_restore(&a->credentials);
    /* The kernel forgets it when a thread changes its ids. */
    cr_sys(SYS_prctl, PR_SET_PDEATHSIG, a->death_signal, 0, 0, 0);
}

int cr_attributes_check(const struct cr_attributes *a, int tid, struct cr_error *err)
{
    const struct cr_credentials *c = &a->credentials;

    if (a->failed == NULL)
        return 0;
    return cr_fail(err, CR_EPERMISSION,
                   "thread %d cannot have %s again; it was user %u (effective %u), group %u "
                   "(effective %u), with capabilities 0x%lx: restart as that user, or as root",
                   tid, a->failed, c->uid[0], c->uid[1], c->gid[0], c->gid[1], c->effective);
}
