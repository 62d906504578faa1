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

struct start {
    const struct cr_helper *helper;
    char path[PATH_MAX];
    char **arguments;
    char **environment;
    int reply_fd;
    char *stack;             /* of the helper before its exec */
    volatile uint32_t state; /* futex: 1 the helper runs, or ERROR says why not */
    volatile int error;
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

static void set_descriptors(const struct start *s)
{
    int reply = (int)cr_sys(SYS_fcntl, s->reply_fd, F_DUPFD, HIGH);
    int image =
        s->helper->image_fd >= 0 ? (int)cr_sys(SYS_fcntl, s->helper->image_fd, F_DUPFD, HIGH) : -1;
    int nothing;

    cr_sys(SYS_dup3, reply, CR_HELPER_REPLY_FD, 0);
    if (image >= 0)
        cr_sys(SYS_dup3, image, CR_HELPER_IMAGE_FD, 0);
    cr_sys(SYS_close_range, image >= 0 ? CR_HELPER_IMAGE_FD + 1 : CR_HELPER_REPLY_FD + 1,
           CLOSE_RANGE_ALL, 0);
    if (s->helper->adopts)
        return;
    nothing = cr_sys_open("/dev/null", O_RDWR, 0);
    for (int fd = 0; nothing >= 0 && fd <= 2; fd++)
        move_descriptor(nothing, fd);
    cr_sys(SYS_close_range, image >= 0 ? CR_HELPER_IMAGE_FD + 1 : CR_HELPER_REPLY_FD + 1,
           CLOSE_RANGE_ALL, 0);
}

static int be_helper(void *start)
{
    static const uint64_t as_by_default[4];
    const uint64_t none = 0;
    struct start *s = start;

    set_descriptors(s);
    for (int number = 1; number <= 64; number++)
        cr_sys(SYS_rt_sigaction, number, as_by_default, 0, 8);
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    s->error = (int)-cr_sys(SYS_execve, s->path, s->arguments, s->environment);
    cr_sys(SYS_exit_group, 127);
    return 127;
}

static int be_between(void *start)
{
    struct start *s = start;
    int adopts = s->helper->adopts;
    int pid;

    if (!adopts)
        cr_sys(SYS_setsid);
    pid = clone(be_helper, s->stack, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
    if (pid < 0)
        s->error = EAGAIN;
    __atomic_store_n(&s->state, 1, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&s->state, 1);
    /* From here on S may be gone. */
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

/* The process in between; its pid, or -errno. All signals are blocked, there too. */
static pid_t make_between(struct start *s, char *stacks)
{
    int flags = CLONE_VM | (s->helper->adopts ? 0 : CLONE_VFORK);
    pid_t pid;

    s->stack = stacks + STACK_SIZE;
    pid = clone(be_between, stacks + 2 * STACK_SIZE, flags, s);
    if (pid < 0)
        pid = -errno;
    while (pid > 0 && __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == 0)
        cr_sys_futex_wait(&s->state, 0, NULL);
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
    pid_t between;

    if (stacks == MAP_FAILED)
        return -errno;
    /* The helper of a checkpoint is to be adopted by somebody else, what a restart makes by this process. */
    if (was_subreaper != adopts)
        prctl(PR_SET_CHILD_SUBREAPER, adopts, 0, 0, 0);
    between = make_between(s, stacks);
    if (between > 0 && adopts && s->error == 0) {
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
    return s->error != 0 ? -s->error : between;
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
