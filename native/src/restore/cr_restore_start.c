/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A group from its file to running processes. */
#include "cr_restore_group_parts.h"

#include "cr_restore_sysv.h"
#include "cr_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA_SIZE (1UL << 30) /* address space only */

int cr_restore_group_open(const char *path, int flags, struct cr_restore_group **ret_group,
                          struct cr_error *err)
{
    struct cr_restore_group *g = calloc(1, sizeof(*g));
    int rc = g != NULL ? cr_arena_create(&g->arena, ARENA_SIZE) : -ENOMEM;

    if (rc == 0)
        rc = cr_arena_create(&g->scratch, ARENA_SIZE);
    if (rc < 0) {
        free(g);
        return cr_fail(err, -rc, "no memory to read %s", path);
    }
    g->path = path;
    g->flags = flags;
    g->image_fd = -1;
    rc = cr_group_read(g, err);
    if (rc < 0) {
        cr_restore_group_close(g);
        return rc;
    }
    *ret_group = g;
    return 0;
}

void cr_restore_group_close(struct cr_restore_group *g)
{
    for (size_t i = 0; i < g->kin_count; i++) {
        if (g->kin[i].image == NULL)
            continue;
        g->kin[i].image->reader.fd = -1;
        cr_restore_close(g->kin[i].image);
    }
    if (g->image_fd >= 0)
        close(g->image_fd);
    cr_arena_destroy(&g->scratch);
    cr_arena_destroy(&g->arena);
    free(g);
}

size_t cr_restore_group_size(const struct cr_restore_group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->kin_count; i++)
        n += g->kin[i].kind != CR_KIN_GHOST;
    return n;
}

pid_t cr_restore_group_eldest(const struct cr_restore_group *g)
{
    return g->kin[0].pid;
}

int cr_restore_group_is_orphan(const struct cr_restore_group *g)
{
    return g->kin[0].child_of_init && !g->options.pid_namespace;
}

static int has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/*
 * The group and session of the calling process have no number in a pid namespace below. So what
 * nobody's job control needs has its old ones there.
 */
static void choose_for_namespace(struct cr_restore_group *g)
{
    g->own_pgid = 0;
    g->own_sid = 0;
    if (!has_terminal())
        g->options.restore_sid = 1;
}

/*
 * A process group with a stopped process is hung up by the kernel when the last parent outside the
 * group, but in its session, ends. In the group of the calling process that is the calling process:
 * so it does not leave the eldest to init.
 */
static void stay_for_stopped(struct cr_restore_group *g)
{
    for (size_t i = 0; !g->options.restore_pgid && !g->options.restore_sid && i < g->kin_count; i++)
        if (g->kin[i].stopped)
            g->kin[0].child_of_init = 0;
}

/* Once: OPTIONS decide about sessions and groups, and so about who makes whom. */
static int plan(struct cr_restore_group *g, const struct cr_restore_options *options,
                struct cr_error *err)
{
    size_t real = cr_restore_group_size(g);

    g->options = *options;
    g->kin_count = real;
    g->own_pgid = getpgrp();
    g->own_sid = getsid(0);
    if (options->pid_namespace)
        choose_for_namespace(g);
    stay_for_stopped(g);
    return cr_group_plan(g, err);
}

int cr_restore_group_check(struct cr_restore_group *g, const struct cr_restore_options *options,
                           struct cr_error *err)
{
    int rc = plan(g, options, err);

    for (size_t i = 0; rc == 0 && i < g->kin_count; i++) {
        if (g->kin[i].image == NULL)
            continue;
        rc = cr_restore_check_policies(g->kin[i].image, options, err);
        if (rc == 0)
            rc = cr_restore_check_host(g->kin[i].image, err);
        if (rc < 0 && g->kin_count > 1)
            cr_error_prefix(err, "%s", cr_group_name(&g->kin[i]));
    }
    return rc < 0 ? rc : cr_group_check_ids(g, err);
}

static int make_sysv(struct cr_restore_group *g, struct cr_error *err)
{
    struct cr_restore **images = cr_group_alloc(g, (g->kin_count + 1) * sizeof(*images), err);
    size_t count = 0;

    if (images == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].image != NULL)
            images[count++] = g->kin[i].image;
    return cr_restore_make_sysv(images, count, err);
}

static int make_shared_things(struct cr_restore_group *g, struct cr_error *err)
{
    int rc = cr_group_make_room(g, err);

    if (rc == 0)
        rc = cr_group_make_files(g, err);
    if (rc == 0)
        rc = cr_group_make_memory(g, err);
    if (rc == 0)
        rc = make_sysv(g, err);
    return rc < 0 ? rc : cr_board_make(g, err);
}

static int grow(struct cr_restore_group *g, struct cr_error *err)
{
    int rc = cr_group_make_kin(g, -1, 0);

    if (rc < 0)
        return cr_board_failed(g, err);
    rc = cr_board_meet(g, cr_group_look_for_dead, err);
    if (rc < 0)
        return rc;
    cr_board_tell_leaders(g);
    return cr_board_meet(g, cr_group_look_for_dead, err);
}

/*
 * What was in the foreground of the eldest's terminal is in that of ours, if this process is. All
 * signals are blocked.
 */
static void give_terminal(const struct cr_restore_group *g)
{
    int leader = cr_group_find(g, g->kin[0].foreground);
    int fd = -1;

    if (leader >= 0 && cr_group_inherits_session(g, g->kin[0].sid) &&
        !cr_group_inherits_group(g, g->kin[0].foreground))
        fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (tcgetpgrp(fd) == getpgrp())
        tcsetpgrp(fd, cr_handoff_members(g->handoff)[leader].kernel_pid);
    close(fd);
}

/* The dead of a failed restart, so that nobody waits for them. */
static void bury(const struct cr_restore_group *g)
{
    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].parent < 0)
            waitpid(cr_handoff_members(g->handoff)[i].kernel_pid, NULL, 0);
}

int cr_group_run(struct cr_restore_group *g, struct cr_error *err)
{
    int rc = make_shared_things(g, err);

    if (rc < 0)
        return rc;
    g->barriers = 0;
    rc = grow(g, err);
    cr_group_drop_files(g);
    if (rc == 0)
        give_terminal(g);
    if (rc == 0)
        rc = cr_group_watch(g, err);
    if (rc < 0) {
        cr_group_kill(g);
        bury(g);
        cr_restore_drop_sysv();
        return rc;
    }
    cr_group_reap(g, -1);
    prctl(PR_SET_NAME, g->options.stand_in);
    return 0;
}

int cr_restore_group_start(struct cr_restore_group *g, pid_t *ret_child, struct cr_error *err)
{
    int rc = cr_group_move_clock(g, err);

    if (rc < 0)
        return rc;
    /* A parent that ignores its children's ends has none to wait for. */
    signal(SIGCHLD, SIG_DFL);
    if (g->options.pid_namespace)
        return cr_group_run_in_namespace(g, ret_child, err);
    rc = cr_group_run(g, err);
    if (rc == 0)
        *ret_child = cr_handoff_members(g->handoff)[0].kernel_pid;
    return rc;
}
