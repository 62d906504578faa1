/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The clock that the processes see, and a pid namespace of their own. */
#include "cr_restore_group_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define STATUS_GIVEN_UP 8

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -errno : 0;
}

/* A user namespace in which this user is who he was, and may do what the other namespaces need. */
static int enter_user_namespace(struct cr_error *err)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char text[64];
    int rc;

    if (unshare(CLONE_NEWUSER) < 0)
        return cr_fail(err, EPERM, "this system gives users no user namespaces: %s",
                       strerror(errno));
    snprintf(text, sizeof(text), "%u %u 1", uid, uid);
    rc = write_text("/proc/self/uid_map", text);
    if (rc == 0)
        rc = write_text("/proc/self/setgroups", "deny");
    snprintf(text, sizeof(text), "%u %u 1", gid, gid);
    if (rc == 0)
        rc = write_text("/proc/self/gid_map", text);
    return rc < 0 ? cr_fail(err, -rc, "cannot set up the user namespace: %s", strerror(-rc)) : 0;
}

static int write_offsets(int64_t monotonic, int64_t boottime)
{
    /* Seconds are floored, so that nanoseconds are positive. */
    int64_t m = monotonic >= 0 ? monotonic / SECOND_NS : -((-monotonic - 1) / SECOND_NS) - 1;
    int64_t b = boottime >= 0 ? boottime / SECOND_NS : -((-boottime - 1) / SECOND_NS) - 1;
    char text[160];

    snprintf(text, sizeof(text), "monotonic %lld %lld\nboottime %lld %lld\n", (long long)m,
             (long long)(monotonic - m * SECOND_NS), (long long)b,
             (long long)(boottime - b * SECOND_NS));
    return write_text("/proc/self/timens_offsets", text);
}

int cr_group_move_clock(const struct cr_restore_group *g, struct cr_error *err)
{
    int64_t monotonic;
    int64_t boottime;
    int rc;

    /* All images were taken at the same time on the same host. */
    if (!cr_restore_clock_offset(g->kin[0].image, &monotonic, &boottime))
        return 0;
    rc = unshare(CLONE_NEWTIME) < 0 ? -errno : 0;
    if (rc == -EPERM && enter_user_namespace(err) == 0)
        rc = unshare(CLONE_NEWTIME) < 0 ? -errno : 0;
    if (rc == 0)
        rc = write_offsets(monotonic, boottime);
    /* A clock that jumps ahead makes timers late; one that goes back makes programs hang. */
    if (rc < 0 && monotonic > 0)
        return cr_fail(err, CR_ECLOCK,
                       "the monotonic clock of this host is behind that of the image, and a time "
                       "namespace is not permitted (%s); restart as root or with user namespaces",
                       strerror(-rc));
    *err = (struct cr_error){0};
    return 0;
}

/* What the first process of the namespace tells the calling one. */
struct outcome {
    volatile int known;
    int code;
    struct cr_error error;
};

/* The first process of a pid namespace: waits for the one that it serves, and ends as that does. */
__attribute__((noreturn)) static void serve_as_init(pid_t child)
{
    sigset_t all;
    int status;
    int number;

    sigfillset(&all); /* blocked since before the child was made, so none is missed */
    for (;;) {
        siginfo_t info;
        pid_t gone;
        while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
            if (gone != child)
                continue;
            if (WIFSIGNALED(status))
                _exit(128 + WTERMSIG(status));
            _exit(WEXITSTATUS(status));
        }
        number = sigwaitinfo(&all, &info);
        if (number > 0 && number != SIGCHLD)
            kill(child, number);
    }
}

__attribute__((noreturn)) static void run_inside(struct cr_restore_group *g, struct outcome *o,
                                                 int told)
{
    int rc = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        rc = cr_fail(&o->error, errno, "cannot mount /proc in the pid namespace: %s",
                     strerror(errno));
    /* Those outside have no numbers here. */
    g->own_pgid = getpgrp();
    g->own_sid = getsid(0);
    if (rc == 0)
        rc = cr_group_run(g, &o->error);
    o->code = rc;
    o->known = 1;
    close(told);
    if (rc < 0)
        _exit(STATUS_GIVEN_UP);
    serve_as_init(cr_handoff_members(g->handoff)[0].kernel_pid);
}

/* Waits until the inner process has told, or is dead. */
static int await_outcome(const struct outcome *o, int pipe_end, pid_t child, struct cr_error *err)
{
    char byte;
    ssize_t n;

    do
        n = read(pipe_end, &byte, 1);
    while (n < 0 && errno == EINTR);
    close(pipe_end);
    if (o->known && o->code == 0)
        return 0;
    waitpid(child, NULL, 0);
    if (!o->known)
        return cr_fail(err, CR_ERANKLOST, "the first process of the pid namespace was killed");
    *err = o->error;
    return o->code;
}

int cr_group_run_in_namespace(struct cr_restore_group *g, pid_t *ret_child, struct cr_error *err)
{
    struct outcome *o;
    int told[2];
    pid_t child;
    int rc = geteuid() == 0 ? 0 : enter_user_namespace(err);

    if (rc < 0)
        return rc;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return cr_fail(err, errno, "cannot make a pid namespace: %s", strerror(errno));
    o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (o == MAP_FAILED || pipe2(told, O_CLOEXEC) < 0)
        return cr_fail(err, errno, "cannot watch a pid namespace: %s", strerror(errno));
    g->options.exact_pid = 1;
    child = cr_group_fork(0, 0, SIGCHLD);
    if (child == 0) {
        close(told[0]);
        run_inside(g, o, told[1]);
    }
    close(told[1]);
    if (child < 0) {
        close(told[0]);
        return cr_fail(err, -child, "cannot make a process: %s", strerror(-child));
    }
    *ret_child = child;
    rc = await_outcome(o, told[0], child, err);
    if (rc == 0)
        prctl(PR_SET_NAME, g->options.stand_in);
    return rc;
}
