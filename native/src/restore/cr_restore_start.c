/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Process id, namespaces and clock of the child that becomes the process of an
 * image.
 */
#include "cr_restore_start.h"

#include "cr_restore_parts.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PID_ATTEMPTS                                                                               \
    250 /* of 4 ms: a process that was just killed keeps its id until it is reaped */
#define SECOND_NS 1000000000LL

enum { STATUS_DAMAGED = 7, STATUS_CANNOT = 8, STATUS_PERMISSION = 9 };

int cr_restore_status(int code)
{
    switch (code < 0 ? -code : code) {
    case CR_ENOTIMAGE:
    case CR_EDAMAGED:
    case CR_EIMAGEVERSION:
    case CR_EINCOMPLETE:
    case ENOENT:
    case EISDIR:
        return STATUS_DAMAGED;
    case EPERM:
    case EACCES:
    case CR_EPERMISSION:
        return STATUS_PERMISSION;
    default:
        return STATUS_CANNOT;
    }
}

static void become(struct cr_restore *r, const struct cr_restore_options *options)
{
    struct cr_error err = {0};
    int rc;

    /* Nothing but standard streams and the image goes along. */
    if (r->reader.fd > 3)
        syscall(SYS_close_range, 3, r->reader.fd - 1, 0);
    syscall(SYS_close_range, r->reader.fd + 1, ~0U, 0);
    rc = cr_restore_exec(r, options, &err);
    fprintf(stderr, "cr_restart: %s\n", err.text);
    _exit(cr_restore_status(rc));
}

/* fork() with the wished pid; 0: any. Returns as fork() does, or -errno. */
static pid_t fork_as(pid_t pid)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    const struct timespec pause = {0, 4000000};
    long rc;

    if (pid == 0) {
        rc = fork();
        return rc < 0 ? -errno : (pid_t)rc;
    }
    args.set_tid = (uint64_t)&pid;
    args.set_tid_size = 1;
    for (int i = 0; i < PID_ATTEMPTS; i++) {
        /*
         * Raw, so libc's own idea of its thread id is wrong in the child: it uses none of it and
         * gives itself up.
         */
        rc = syscall(SYS_clone3, &args, sizeof(args));
        if (rc >= 0 || errno != EEXIST)
            break;
        nanosleep(&pause, NULL);
    }
    return rc < 0 ? -errno : (pid_t)rc;
}

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

/* Children of this process see the monotonic clock go on from where the image was taken. */
static int move_clock(const struct cr_restore *r, struct cr_error *err)
{
    int64_t monotonic;
    int64_t boottime;
    char text[160];
    int rc;

    if (!cr_restore_clock_offset(r, &monotonic, &boottime))
        return 0;
    rc = unshare(CLONE_NEWTIME) < 0 ? -errno : 0;
    if (rc == -EPERM && enter_user_namespace(err) == 0)
        rc = unshare(CLONE_NEWTIME) < 0 ? -errno : 0;
    if (rc == 0) {
        /* Seconds are floored, so that nanoseconds are positive. */
        int64_t m = monotonic >= 0 ? monotonic / SECOND_NS : -((-monotonic - 1) / SECOND_NS) - 1;
        int64_t b = boottime >= 0 ? boottime / SECOND_NS : -((-boottime - 1) / SECOND_NS) - 1;
        snprintf(text, sizeof(text), "monotonic %lld %lld\nboottime %lld %lld\n", (long long)m,
                 (long long)(monotonic - m * SECOND_NS), (long long)b,
                 (long long)(boottime - b * SECOND_NS));
        rc = write_text("/proc/self/timens_offsets", text);
    }
    /* A clock that jumps ahead makes timers late; one that goes back makes programs hang. */
    if (rc < 0 && monotonic > 0)
        return cr_fail(err, CR_ECLOCK,
                       "the monotonic clock of this host is behind that of the image, and a time "
                       "namespace is not permitted (%s); restart as root or with user namespaces",
                       strerror(-rc));
    return 0;
}

/* The first process of a pid namespace: waits for the one that it serves, and ends as that does. */
static void serve_as_init(pid_t child)
{
    sigset_t all;
    int status;
    int number;

    sigfillset(&all); /* blocked since before the child was made, so none is missed */
    for (;;) {
        siginfo_t info;
        pid_t gone;
        number = sigwaitinfo(&all, &info);
        while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
            if (gone != child)
                continue;
            if (WIFSIGNALED(status))
                _exit(128 + WTERMSIG(status));
            _exit(WEXITSTATUS(status));
        }
        if (number > 0 && number != SIGCHLD)
            kill(child, number);
    }
}

static void run_in_namespace(struct cr_restore *r, const struct cr_restore_options *options)
{
    sigset_t all;
    pid_t child;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        fprintf(stderr, "cr_restart: cannot mount /proc in the pid namespace: %s\n",
                strerror(errno));
        _exit(STATUS_CANNOT);
    }
    child = fork_as((pid_t)r->header->pid);
    if (child == 0)
        become(r, options);
    if (child < 0) {
        fprintf(stderr, "cr_restart: cannot make process %u in the pid namespace: %s\n",
                r->header->pid, strerror(-child));
        _exit(STATUS_CANNOT);
    }
    serve_as_init(child);
}

static int start_in_namespace(struct cr_restore *r, const struct cr_restore_options *options,
                              pid_t *ret_child, struct cr_error *err)
{
    struct cr_restore_options inner = *options;
    pid_t child;
    int rc = geteuid() == 0 ? 0 : enter_user_namespace(err);

    if (rc < 0)
        return rc;
    inner.exact_pid = 1;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return cr_fail(err, errno, "cannot make a pid namespace: %s", strerror(errno));
    child = fork();
    if (child == 0)
        run_in_namespace(r, &inner);
    if (child < 0)
        return cr_fail(err, errno, "cannot make a process: %s", strerror(errno));
    *ret_child = child;
    return 0;
}

int cr_restore_start(struct cr_restore *r, const struct cr_restore_options *options,
                     pid_t *ret_child, struct cr_error *err)
{
    struct cr_restore_options chosen = *options;
    pid_t child = -EPERM;
    int rc = move_clock(r, err);

    if (rc < 0)
        return rc;
    if (options->pid_namespace)
        return start_in_namespace(r, options, ret_child, err);
    if (!options->new_pid)
        child = fork_as((pid_t)r->header->pid);
    if (child < 0 && options->exact_pid)
        return cr_fail(err, child == -EEXIST ? CR_EPIDTAKEN : EPERM,
                       "cannot give the process its old id %u: %s; try --pidns, or "
                       "--no-restore-pid for another one",
                       r->header->pid,
                       child == -EEXIST ? "another process has it" : strerror(-child));
    if (child < 0) {
        chosen.new_pid = 1;
        child = fork_as(0);
    }
    if (child == 0)
        become(r, &chosen);
    if (child < 0)
        return cr_fail(err, -child, "cannot make a process: %s", strerror(-child));
    *ret_child = child;
    return 0;
}
