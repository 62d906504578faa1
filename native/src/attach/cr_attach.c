/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_attach_parts.h"

#include "cr_session.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

#define STACK_SIZE (256UL << 10)
#define RED_ZONE 128UL
#define BIT(number) (1UL << ((number)-1))

/* Faults show themselves to us only if they are not blocked. */
#define NOT_BLOCKED                                                                                \
    (BIT(SIGTRAP) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGSYS))

static int check_signals(pid_t pid, struct cr_error *err)
{
    if ((cr_attach_status(pid, pid, "SigCgt", 16) & BIT(CR_SIGNAL)) != 0)
        return cr_fail(
            err, CR_EREFUSED,
            "process %d has a handler of its own for signal %d, with which Quiesce stops "
            "threads; start it with cr_run",
            pid, CR_SIGNAL);
    if ((cr_attach_status(pid, pid, "SigIgn", 16) & BIT(SIGTRAP)) != 0)
        return cr_fail(err, CR_EREFUSED,
                       "process %d ignores SIGTRAP, which loading an agent needs; start it with "
                       "cr_run",
                       pid);
    return 0;
}

/* A filter that was there before both of us lets through what cr_checkpoint and libcr do. */
static int check_seccomp(pid_t pid, struct cr_error *err)
{
    uint64_t mode = cr_attach_status(pid, pid, "Seccomp", 10);

    if (mode == 0 || (mode == 2 && cr_attach_status(pid, pid, "Seccomp_filters", 10) ==
                                       cr_attach_status(getpid(), getpid(), "Seccomp_filters", 10)))
        return 0;
    return cr_fail(
        err, CR_EREFUSED,
        "process %d has restricted its system calls (seccomp), so no agent can be loaded "
        "into it",
        pid);
}

static int check_state(pid_t pid, struct cr_error *err)
{
    int tracer = (int)cr_attach_status(pid, pid, "TracerPid", 10);
    char path[64];
    char text[512] = "";
    const char *state;
    int fd;

    if (tracer != 0)
        return cr_fail(
            err, CR_EPTRACED,
            "process %d is being traced by process %d (a debugger, strace?); end that, or "
            "start the program with cr_run",
            pid, tracer);
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        text[0] = '\0';
    if (fd >= 0)
        close(fd);
    state = strrchr(text, ')');
    if (state == NULL)
        return cr_fail(err, ESRCH, "process %d: no such process", pid);
    if (state[2] == 'T')
        return cr_fail(err, CR_ENOAGENT,
                       "process %d was not started with cr_run and is stopped, so no agent can be "
                       "loaded into it; continue it (kill -CONT %d) and try again",
                       pid, pid);
    return 0;
}

/* The process may live in another root directory or mount namespace. */
static int check_library(pid_t pid, const char *library, struct cr_error *err)
{
    char path[PATH_MAX + 32];
    struct stat own;
    struct stat there;

    snprintf(path, sizeof(path), "/proc/%d/root%s", pid, library);
    if (stat(library, &own) == 0 && stat(path, &there) == 0 && own.st_dev == there.st_dev &&
        own.st_ino == there.st_ino)
        return 0;
    if (errno == EACCES || errno == EPERM)
        return cr_attach_explain(pid, -errno, err);
    return cr_fail(err, CR_ENOAGENT,
                   "process %d does not see %s (another root directory or container?); run "
                   "cr_checkpoint where it runs, or start it with cr_run",
                   pid, library);
}

static int check(pid_t pid, const char *library, struct cr_error *err)
{
    int rc = check_state(pid, err);

    if (rc == 0)
        rc = check_signals(pid, err);
    if (rc == 0)
        rc = check_seccomp(pid, err);
    return rc < 0 ? rc : check_library(pid, library, err);
}

struct loading {
    struct cr_attach_thread *thread;
    const struct cr_attach_places *places;
    uint64_t own_stack;
    uint64_t area; /* 0: none */
    uint64_t errno_at;
    int errno_value;
};

static int call(struct loading *l, uint64_t function, const uint64_t arguments[6], uint64_t *result)
{
    return cr_attach_call(l->thread, l->places, function, arguments, l->own_stack, result);
}

/* The thread's own stack may be small, and its errno is not ours to change. */
static int prepare(struct loading *l)
{
    const uint64_t none[6] = {0};
    const uint64_t map[6] = {0,    STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                             ~0UL, 0};
    uint64_t area = 0;
    int rc = call(l, l->places->errno_location, none, &l->errno_at);

    if (rc < 0)
        return rc;
    if (pread(l->thread->memory, &l->errno_value, sizeof(int), (off_t)l->errno_at) != sizeof(int))
        return -EFAULT;
    rc = call(l, l->places->map, map, &area);
    if (rc == 0 && area + 1 == 0)
        rc = -ENOMEM;
    if (rc == 0)
        l->area = area;
    return rc;
}

static void clean_up(struct loading *l)
{
    const uint64_t unmap[6] = {l->area, STACK_SIZE};
    uint64_t ignored;

    if (l->area != 0)
        call(l, l->places->unmap, unmap, &ignored);
    if (l->errno_at != 0 &&
        pwrite(l->thread->memory, &l->errno_value, sizeof(int), (off_t)l->errno_at) != sizeof(int))
        l->errno_at = 0;
}

/* What the loader says about a library that it does not take. */
static int fail_to_load(struct loading *l, const char *library, struct cr_error *err)
{
    const uint64_t none[6] = {0};
    char text[256] = "it does not say why";
    uint64_t at = 0;
    ssize_t n = 0;

    if (call(l, l->places->last_error, none, &at) == 0 && at != 0)
        n = pread(l->thread->memory, text, sizeof(text) - 1, (off_t)at);
    text[n > 0 ? n : 0] = '\0';
    return cr_fail(err, CR_ENOAGENT, "process %d cannot load %s: %s; start it with cr_run",
                   l->thread->pid, library, text);
}

static int load(struct loading *l, const char *library, struct cr_error *err)
{
    const size_t length = strlen(library) + 1;
    uint64_t arguments[6] = {0, RTLD_NOW};
    uint64_t handle = 0;
    int rc = prepare(l);

    arguments[0] = l->area;
    if (rc == 0 && pwrite(l->thread->memory, library, length, (off_t)l->area) != (ssize_t)length)
        rc = -EFAULT;
    if (rc == 0)
        rc = cr_attach_call(l->thread, l->places, l->places->open_library, arguments,
                            l->area + STACK_SIZE, &handle);
    if (rc < 0)
        return cr_fail(
            err, CR_ENOAGENT,
            "thread %d of process %d could not load %s (%s); start the program with cr_run",
            l->thread->tid, l->thread->pid, library, strerror(-rc));
    return handle != 0 ? 0 : fail_to_load(l, library, err);
}

/* With the thread standing, and in the end going on. */
static int borrow(struct cr_attach_thread *t, const struct cr_attach_places *p, const char *library,
                  struct cr_error *err)
{
    struct loading l = {.thread = t, .places = p, .own_stack = t->registers.rsp - RED_ZONE};
    uint64_t mask = ~NOT_BLOCKED;
    int rc = 0;

    if (ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), &mask) < 0)
        rc = cr_fail(err, errno, "process %d: cannot set a signal mask: %s", t->pid,
                     strerror(errno));
    if (rc == 0) {
        rc = load(&l, library, err);
        clean_up(&l);
    }
    cr_attach_release(t);
    return rc;
}

int cr_attach(pid_t pid, const char *library, struct cr_error *err)
{
    static struct cr_attach_thread thread;
    static struct cr_attach_places places;
    char path[64];
    sigset_t all;
    sigset_t before;
    int memory;
    int rc = check(pid, library, err);

    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        return cr_attach_explain(pid, -errno, err);
    /* Our end in the middle of it would be that of the process, too. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    rc = cr_attach_find_places(pid, memory, &places, err);
    if (rc == 0)
        rc = cr_attach_check_waits(pid, memory, err);
    if (rc == 0)
        rc = cr_attach_stop(pid, memory, &places, &thread, err);
    if (rc == 0)
        rc = borrow(&thread, &places, library, err);
    if (rc == 0)
        rc = cr_attach_unblock(pid, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(memory);
    return rc;
}
