/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The tree of processes, each made by its own maker. They meet twice: when all are
 * born, sessions are begun and groups have their leaders; and when all have joined their groups.
 * Then ghosts are gone, the dead are dead, and each of the others becomes the process of its image.
 *
 * Processes are cloned by the bare system call, so the C library's own idea of their ids is wrong:
 * nothing here uses it.
 */
#include "cr_restore_group_parts.h"

#include "cr_fd_pty.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 500 /* of 4 ms: a process that was just killed keeps its id until it is reaped */
#define STATUS_GIVEN_UP 8

pid_t cr_group_fork(int pid, uint64_t flags, int exit_signal)
{
    const struct timespec pause = {0, 4000000};
    struct clone_args args = {.flags = flags};
    pid_t wanted = pid;
    long rc = -1;

    /* With CLONE_PARENT the kernel takes the exit signal of the caller. */
    args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : (uint64_t)exit_signal;
    if (pid > 0) {
        args.set_tid = (uint64_t)&wanted;
        args.set_tid_size = 1;
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        rc = syscall(SYS_clone3, &args, sizeof(args));
        if (rc >= 0 || errno != EEXIST)
            break;
        nanosleep(&pause, NULL);
    }
    return rc < 0 ? -errno : (pid_t)rc;
}

/* A process of which there is nothing but its end. */
__attribute__((noreturn)) static void end_as(int status)
{
    const struct rlimit no_core = {0, 0};
    int number = WTERMSIG(status);
    sigset_t one;

    if (!WIFSIGNALED(status))
        _exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    kill(cr_sys_getpid(), number);
    _exit(128 + number);
}

/* Gives up with what ERR says, which nobody may have told yet. */
__attribute__((noreturn)) static void give_up(struct cr_restore_group *g, int index,
                                              const struct cr_error *err)
{
    cr_board_fail(g, index, err->code != 0 ? err->code : CR_EINTERNAL, err->text);
    _exit(STATUS_GIVEN_UP);
}

static int fail_errno(struct cr_error *err, const char *what)
{
    return cr_fail(err, errno, "cannot %s: %s", what, strerror(errno));
}

static int join_group(const struct cr_restore_group *g, const struct cr_kin *k,
                      struct cr_error *err)
{
    int leader = cr_group_find(g, k->pgid);
    int now = leader >= 0 ? cr_handoff_members(g->handoff)[leader].kernel_pid : k->pgid;

    if (cr_group_leads_session(g, k) || cr_group_leads_group(g, k))
        return 0;
    /* Everybody is born into the calling process's, and groups are begun when all are born. */
    if (cr_group_inherits_group(g, k->pgid) || setpgid(0, now) == 0)
        return 0;
    return fail_errno(err, "join its process group");
}

/* Of a terminal whose master is one of the processes', -1: none. */
static int slave_of(const struct cr_restore_group *g, const struct cr_kin *k)
{
    return cr_pty_slave_of(&g->pool, cr_pty_index_of(k->tty));
}

static int begin_session(const struct cr_restore_group *g, const struct cr_kin *k,
                         struct cr_error *err)
{
    if (k->takes_orphans && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return fail_errno(err, "become the one to whom orphans go");
    if (!cr_group_leads_session(g, k))
        return 0;
    if (setsid() < 0)
        return fail_errno(err, "begin its session");
    if (slave_of(g, k) >= 0 && ioctl(slave_of(g, k), TIOCSCTTY, 0) < 0)
        return fail_errno(err, "take its controlling terminal");
    return 0;
}

/* When all groups are there. */
static int choose_foreground(const struct cr_restore_group *g, const struct cr_kin *k,
                             struct cr_error *err)
{
    int leader = cr_group_find(g, k->foreground);
    int slave = slave_of(g, k);
    sigset_t output;

    if (!cr_group_leads_session(g, k) || slave < 0 || leader < 0)
        return 0;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    sigprocmask(SIG_BLOCK, &output, NULL);
    if (tcsetpgrp(slave, cr_handoff_members(g->handoff)[leader].kernel_pid) == 0)
        return 0;
    return fail_errno(err, "choose the foreground group of its terminal");
}

static int settle(struct cr_restore_group *g, int index, struct cr_error *err)
{
    const struct cr_kin *k = &g->kin[index];
    int rc = cr_group_make_kin(g, index, 1);

    if (rc == 0)
        rc = begin_session(g, k, err);
    if (rc == 0)
        rc = cr_group_make_kin(g, index, 0);
    if (rc == 0 && cr_group_leads_group(g, k) && !cr_group_leads_session(g, k) && setpgid(0, 0) < 0)
        rc = fail_errno(err, "begin its process group");
    if (rc == 0)
        rc = cr_board_meet(g, cr_group_look_for_dead, err);
    if (rc == 0)
        rc = join_group(g, k, err);
    if (rc == 0)
        rc = cr_board_meet(g, cr_group_look_for_dead, err);
    if (rc == 0)
        rc = choose_foreground(g, k, err);
    return rc;
}

__attribute__((noreturn)) static void become(struct cr_restore_group *g, int index)
{
    struct cr_kin *k = &g->kin[index];
    struct cr_restore_become how = {.exact_tids = g->new_ids ? -1 : g->options.exact_pid,
                                    .handoff_fd = g->handoff_fd,
                                    .restart_fd = k->peer_socket,
                                    .handoff_member = (uint32_t)index};
    struct cr_error err = {0};

    cr_group_close_others(g, k);
    cr_restore_exec(k->image, &how, &err);
    give_up(g, index, &err);
}

/* The life of a process until it is what it was. */
__attribute__((noreturn)) static void live(struct cr_restore_group *g, int index)
{
    struct cr_kin *k = &g->kin[index];
    struct cr_error err = {0};
    int status = k->exit_status;

    cr_handoff_members(g->handoff)[index].kernel_pid = cr_sys_getpid();
    g->barriers = 0;
    if (settle(g, index, &err) < 0)
        give_up(g, index, &err);
    cr_group_reap(g, index);
    if (k->kind == CR_KIN_GHOST)
        _exit(0);
    if (k->kind == CR_KIN_ZOMBIE) {
        prctl(PR_SET_NAME, k->comm);
        end_as(status);
    }
    become(g, index);
}

static int make_one(struct cr_restore_group *g, int index)
{
    const struct cr_kin *k = &g->kin[index];
    char text[200];
    pid_t child =
        cr_group_fork(g->new_ids ? 0 : k->pid, k->for_parent ? CLONE_PARENT : 0, k->exit_signal);

    if (child == 0)
        live(g, index);
    if (child > 0) {
        cr_handoff_members(g->handoff)[index].kernel_pid = child;
        return 0;
    }
    snprintf(text, sizeof(text), "cannot be made with its old id: %s",
             child == -EEXIST ? "another process has it" : strerror(-child));
    if (g->new_ids)
        snprintf(text, sizeof(text), "cannot be made: %s", strerror(-child));
    return cr_board_fail(g, index, child == -EEXIST ? CR_EPIDTAKEN : -child, text);
}

int cr_group_make_kin(struct cr_restore_group *g, int index, int early)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->kin_count; i++)
        if (g->kin[i].maker == index && !g->kin[i].early == !early)
            rc = make_one(g, (int)i);
    return rc;
}

/* Whether a child of this process is dead that should not be: called while all are being made. */
int cr_group_look_for_dead(struct cr_restore_group *g)
{
    siginfo_t info = {0};

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return 0;
    for (size_t i = 0; i < g->kin_count; i++)
        if (cr_handoff_members(g->handoff)[i].kernel_pid == info.si_pid)
            return cr_board_fail(g, (int)i, CR_ERANKLOST, "it was killed while it was being made");
    return 0;
}

/* Nothing that this restart caused may be seen: ghosts are waited for, the dead are only awaited. */
void cr_group_reap(struct cr_restore_group *g, int index)
{
    const struct timespec none = {0, 0};
    siginfo_t info;
    sigset_t one;

    for (size_t i = 0; i < g->kin_count; i++) {
        const struct cr_kin *k = &g->kin[i];
        int pid = cr_handoff_members(g->handoff)[i].kernel_pid;
        if (k->parent != index || k->kind == CR_KIN_PROCESS)
            continue;
        waitid(P_PID, (id_t)pid, &info,
               WEXITED | __WALL | (k->kind == CR_KIN_ZOMBIE ? WNOWAIT : 0));
    }
    sigemptyset(&one);
    sigaddset(&one, SIGCHLD);
    while (sigtimedwait(&one, NULL, &none) > 0)
        ;
}
