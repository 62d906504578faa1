/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Whether the old process and thread ids can be had. */
#include "cr_restore_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE                                                                                   \
    250 /* times 4 ms: a process that was just killed keeps its id until it is reaped */

/* The kernel looks at the right before it looks whether the id is free. */
static int may_choose_ids(void)
{
    pid_t own = getpid();
    struct clone_args args = {.exit_signal = SIGCHLD};

    args.set_tid = (uint64_t)&own;
    args.set_tid_size = 1;
    return syscall(SYS_clone3, &args, sizeof(args)) < 0 && errno == EEXIST;
}

/* A process group keeps the id of its leader when that has ended. */
static int is_taken(int id)
{
    return kill(id, 0) == 0 || errno != ESRCH || kill(-id, 0) == 0 || errno != ESRCH;
}

/* How long is waited for ids, in steps of 4 ms, for all together. */
struct patience {
    int alive; /* for a process that was killed a moment ago */
    int dead;  /* for one of which only the status is left, which its parent, or init, is to take */
};

char cr_group_state_of(int id)
{
    char path[64];
    char text[512];
    const char *end;

    snprintf(path, sizeof(path), "/proc/%d/stat", id);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}

static int become_free(int id, struct patience *patience)
{
    const struct timespec pause = {0, 4000000};

    while (is_taken(id)) {
        char state = cr_group_state_of(id);
        /* Without a process of that id it is a group, whose last members may be dead as well. */
        int *left = state == 'Z' || state == 0 ? &patience->dead : &patience->alive;
        if (*left == 0)
            return 0;
        (*left)--;
        nanosleep(&pause, NULL);
    }
    return 1;
}

static void name_holder(int id, char *out, size_t size)
{
    char path[64];
    char name[32];

    snprintf(path, sizeof(path), "/proc/%d/comm", id);
    if (cr_sys_read_file(path, name, sizeof(name)) <= 0) {
        snprintf(out, size, "%s", "the group or session of a process that has ended");
        return;
    }
    name[strcspn(name, "\n")] = '\0';
    if (id == getpid())
        snprintf(out, size, "%s itself", name);
    else
        snprintf(out, size, "the command %s", name);
}

static int fail_taken(const struct cr_kin *k, int id, struct cr_error *err)
{
    char holder[64];

    name_holder(id, holder, sizeof(holder));
    return cr_fail(err, CR_EPIDTAKEN,
                   "id %d, which %s had%s, is in use by %s; wait until that has ended, or use "
                   "--pidns, or --no-restore-pid for other ids",
                   id, k->kind == CR_KIN_GHOST ? "a process group" : cr_group_name(k),
                   id == k->pid ? "" : " for a thread", holder);
}

static int check_kin(const struct cr_kin *k, struct patience *patience, struct cr_error *err)
{
    if (k->pid > 0 && !become_free(k->pid, patience))
        return fail_taken(k, k->pid, err);
    for (size_t i = 0; k->image != NULL && i < k->image->thread_count; i++) {
        int tid = k->image->threads[i].tid;
        if (tid != k->pid && !become_free(tid, patience))
            return fail_taken(k, tid, err);
    }
    return 0;
}

static int check_all(struct cr_restore_group *g, struct cr_error *err)
{
    struct patience patience = {.alive = 250, .dead = 2500};
    int rc = 0;

    if (!may_choose_ids())
        return cr_fail(err, EPERM,
                       "choosing process ids needs a right (CAP_CHECKPOINT_RESTORE) that this user "
                       "does not have; use --pidns, or --no-restore-pid for other ids");
    for (size_t i = 0; rc == 0 && i < g->kin_count; i++)
        rc = check_kin(&g->kin[i], &patience, err);
    return rc;
}

int cr_group_check_ids(struct cr_restore_group *g, struct cr_error *err)
{
    int rc;

    g->new_ids = g->options.new_pid;
    if (g->new_ids || g->options.pid_namespace)
        return 0;
    rc = check_all(g, err);
    /* Two processes that take themselves for the same one are nobody's wish unless he says so. */
    if (rc == 0 || g->options.exact_pid || rc == -CR_EPIDTAKEN)
        return rc;
    *err = (struct cr_error){0};
    g->new_ids = 1;
    return 0;
}
