/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A process in between makes the helper, so that the program never has it for a child. For a checkpoint it
 * ends at once, in a session of its own: the helper is an orphan that no scope of processes around the program includes. For a
 * restart it stays until the helper has ended, and what the helper leaves behind is adopted by the program.
 */
#include "cr_api_helper.h"

#include "cr_agent_handles.h"
#include "cr_api.h"
#include "cr_handle_reply.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (64UL << 10)
#define HIGH 16
#define CLOSE_RANGE_ALL (~0U)
#define STATUS_FD (CR_HELPER_IMAGE_FD + 1)

static const int no_process = EAGAIN;

struct start {
    const struct cr_helper *helper;
    volatile int between; /* pid */
    char path[PATH_MAX];
    char **arguments;
    char **environment;
    int reply_fd;
    int status_fd; /* closed by the helper's exec, or tells why there was none */
    char *stack;   /* of the helper before its exec */
};

/* Who stays in between, for each handle of a restart. */
static struct {
    volatile int fd; /* plus 1 */
    pid_t between;
    int was_subreaper;
    char *stacks;
} adoptions[CR_HANDLES_MAX];

/* ---- in the new processes, which share this one's memory: system calls only ---- */

static void move_descriptor(int from, int to)
{
    int high = (int)cr_sys(SYS_fcntl, from, F_DUPFD, HIGH);

    cr_sys(SYS_dup3, high, to, 0);
}

static int move_high(int fd)
{
    return fd < 0 ? fd : (int)cr_sys(SYS_fcntl, fd, F_DUPFD, HIGH);
}

static void set_descriptors(const struct start *s)
{
    int reply = move_high(s->reply_fd);
    int image = move_high(s->helper->image_fd);
    int status = move_high(s->status_fd);
    int nothing;

    cr_sys(SYS_dup3, reply, CR_HELPER_REPLY_FD, 0);
    cr_sys_close(CR_HELPER_IMAGE_FD);
    if (image >= 0)
        cr_sys(SYS_dup3, image, CR_HELPER_IMAGE_FD, 0);
    cr_sys(SYS_dup3, status, STATUS_FD, O_CLOEXEC);
    cr_sys(SYS_close_range, STATUS_FD + 1, CLOSE_RANGE_ALL, 0);
    if (s->helper->adopts)
        return;
    nothing = cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    for (int fd = 0; nothing >= 0 && fd <= 2; fd++)
        move_descriptor(nothing, fd);
}

static int be_helper(void *start)
{
    static const uint64_t as_by_default[4];
    const struct timespec moment = {0, 100000};
    const uint64_t none = 0;
    struct start *s = start;
    int error;

    set_descriptors(s);
    for (int number = 1; number <= 64; number++)
        cr_sys(SYS_rt_sigaction, number, as_by_default, 0, 8);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    /* Until the process in between has gone, this one would belong to the program's tree. */
    while (!s->helper->adopts && cr_sys(SYS_getppid) == s->between)
        cr_sys(SYS_nanosleep, &moment, 0);
    error = (int)-cr_sys(SYS_execve, s->path, s->arguments, s->environment);
    cr_sys_write(STATUS_FD, &error, sizeof(error));
    cr_sys(SYS_exit_group, 127);
    return 127;
}

static int be_between(void *start)
{
    struct start *s = start;
    int adopts = s->helper->adopts;
    int pid;

    s->between = cr_sys_getpid();
    if (!adopts)
        cr_sys(SYS_setsid);
    pid = clone(be_helper, s->stack, CLONE_VM | SIGCHLD, s);
    if (pid < 0)
        cr_sys_write(s->status_fd, &no_process, sizeof(no_process));
    /* Nobody waits for an end of what this one holds open. From here on S may be gone. */
    cr_sys(SYS_close_range, 0, CLOSE_RANGE_ALL, 0);
    if (adopts && pid > 0)
        cr_sys(SYS_wait4, pid, 0, __WALL, 0);
    cr_sys(SYS_exit_group, 0);
    return 0;
}

/* ---- in this one ---- */

static int is_executable(const char *folder, int length, const char *between, const char *command,
                         char *out)
{
    int n = snprintf(out, PATH_MAX, "%.*s/%s%s", length, folder, between, command);

    return n > 0 && n < PATH_MAX && access(out, X_OK) == 0;
}

/* Beside the library that has the agent, or wherever commands are. */
static int find_command(const char *command, char *out)
{
    static const char *const folders[] = {"../bin/", "../../bin/"};
    const char *path = getenv("PATH");
    const char *slash;
    Dl_info info;

    if (dladdr((const void *)(uintptr_t)cr_agent_interface, &info) != 0 &&
        (slash = strrchr(info.dli_fname, '/')) != NULL)
        for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
            if (is_executable(info.dli_fname, (int)(slash - info.dli_fname), folders[i], command,
                              out))
                return 0;
    for (; path != NULL && *path != '\0';
         path += strcspn(path, ":") + (path[strcspn(path, ":")] != 0))
        if (is_executable(path, (int)strcspn(path, ":"), "", command, out))
            return 0;
    return -ENOENT;
}

/* The environment without what concerns this process alone. Freed by the caller; NULL: no memory. */
static char **copy_environment(void)
{
    static char reply[] = CR_REPLY_VARIABLE "=3";
    size_t n = 0;
    char **copy;

    while (environ != NULL && environ[n] != NULL)
        n++;
    copy = calloc(n + 2, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    n = 0;
    for (char **at = environ; at != NULL && *at != NULL; at++)
        if (strncmp(*at, "LD_PRELOAD=", 11) != 0 && strncmp(*at, "CR_FAULT=", 9) != 0)
            copy[n++] = *at;
    copy[n] = reply;
    return copy;
}

/* 0 when the helper runs, or -errno; the other end of the pipe is its alone by now. */
static int await_exec(int fd)
{
    int error = 0;
    ssize_t n;

    do
        n = read(fd, &error, sizeof(error));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(error) ? -error : 0;
}

/* The process in between; its pid, or -errno. All signals are blocked, there too. RET_ERROR: the helper does not run. */
static pid_t make_between(struct start *s, char *stacks, int *ret_error)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    s->status_fd = ends[1];
    s->stack = stacks + STACK_SIZE;
    pid = clone(be_between, stacks + 2 * STACK_SIZE, CLONE_VM, s);
    if (pid < 0)
        pid = -errno;
    close(ends[1]);
    *ret_error = pid > 0 ? await_exec(ends[0]) : 0;
    close(ends[0]);
    return pid;
}

static void reap(pid_t between)
{
    while (waitpid(between, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

static int is_subreaper(void)
{
    int flag = 0;

    return prctl(PR_GET_CHILD_SUBREAPER, &flag, 0, 0, 0) == 0 && flag;
}

static void keep_adoption(int fd, pid_t between, int was_subreaper, char *stacks)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++) {
        int free_place = 0;
        if (!__atomic_compare_exchange_n(&adoptions[i].fd, &free_place, fd + 1, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            continue;
        adoptions[i].between = between;
        adoptions[i].was_subreaper = was_subreaper;
        adoptions[i].stacks = stacks;
        return;
    }
}

void cr_helper_end(int fd)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++) {
        if (adoptions[i].fd != fd + 1)
            continue;
        reap(adoptions[i].between);
        if (!adoptions[i].was_subreaper)
            prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
        munmap(adoptions[i].stacks, 2 * STACK_SIZE);
        adoptions[i].fd = 0;
    }
}

/* Makes the processes. Returns the session of the helper, 0 for an adopting one, or -errno. */
static int make_processes(struct start *s, int fd)
{
    int was_subreaper = is_subreaper();
    int adopts = s->helper->adopts;
    char *stacks = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    int error = 0;
    pid_t between;

    if (stacks == MAP_FAILED)
        return -errno;
    /* The helper of a checkpoint is to be adopted by somebody else, what a restart makes by this process. */
    if (was_subreaper != adopts)
        prctl(PR_SET_CHILD_SUBREAPER, adopts, 0, 0, 0);
    between = make_between(s, stacks, &error);
    if (between > 0 && adopts && error == 0) {
        keep_adoption(fd, between, was_subreaper, stacks);
        return 0;
    }
    if (between > 0)
        reap(between);
    if (was_subreaper != adopts)
        prctl(PR_SET_CHILD_SUBREAPER, was_subreaper, 0, 0, 0);
    munmap(stacks, 2 * STACK_SIZE);
    if (between < 0)
        return between;
    return error != 0 ? error : between;
}

static int start(struct start *s, int *ends)
{
    int rc;

    s->reply_fd = ends[1];
    rc = make_processes(s, ends[0]);
    if (rc >= 0)
        rc = cr_agent_add_handle(ends[0], rc != 0 ? rc : -2);
    close(ends[1]);
    if (rc < 0)
        close(ends[0]);
    return rc < 0 ? rc : ends[0];
}

int cr_helper_start(const struct cr_helper *helper)
{
    char *arguments[CR_HELPER_ARGUMENTS + 2] = {NULL};
    struct start s = {.helper = helper, .arguments = arguments};
    uint64_t before;
    int ends[2];
    int rc = find_command(helper->command, s.path);

    if (rc < 0)
        return rc;
    arguments[0] = s.path;
    for (size_t i = 0; i < CR_HELPER_ARGUMENTS && helper->arguments[i] != NULL; i++)
        arguments[i + 1] = (char *)(uintptr_t)helper->arguments[i];
    s.environment = copy_environment();
    if (s.environment == NULL)
        return -ENOMEM;
    /* A stop finds the handle registered, or not made. */
    before = cr_api_block_stop();
    rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : start(&s, ends);
    cr_api_unblock_stop(before);
    free(s.environment);
    return rc;
}
