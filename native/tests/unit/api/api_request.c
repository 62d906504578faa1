/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: handles in select, poll and epoll, their texts and ends, and that the program sees nothing of who works for
 * them. Ends with a checkpoint of itself into the file named; api.sh restarts it from there.
 */
#include "api_test.h"

#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>

static volatile int child_signals;

static void count_child(int number)
{
    child_signals += number == SIGCHLD;
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static cr_checkpoint_args_t arguments(const char *file)
{
    cr_checkpoint_args_t args;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_PROC;
    args.cr_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return args;
}

static void check_arguments(const char *file)
{
    cr_checkpoint_args_t args;
    cr_checkpoint_handle_t handle = 0;

    tap_ok(cri_init_checkpoint_args_t(99, &args) == -1 && errno == EINVAL,
           "an unknown version of the arguments is refused");
    cr_initialize_checkpoint_args_t(&args);
    tap_ok(sizeof(args) == 28 && sizeof(cr_restart_args_t) == 24 &&
               sizeof(struct cr_checkpoint_info) == 32 && sizeof(struct cr_restart_info) == 16,
           "structures have BLCR's sizes");
    tap_ok((int)args.cr_scope == -1 && args.cr_fd == -1 && args.cr_target == 0 &&
               args.cr_signal == 0 && args.cr_timeout == 0 && args.cr_flags == 0,
           "defaults are those of the header");
    tap_ok(cr_request_checkpoint(&args, &handle) == -1 && errno == EINVAL, "the scope must be set");
    args.cr_scope = CR_SCOPE_PROC;
    tap_ok(cr_request_checkpoint(&args, &handle) == -1 && errno == EBADF,
           "the descriptor must be one");
    close(args.cr_fd);
    args = arguments(file);
    args.cr_flags = CR_CHKPT_PTRACED_ALLOW | CR_CHKPT_PTRACED_SKIP;
    tap_ok(cr_request_checkpoint(&args, &handle) == -1 && errno == EINVAL,
           "flags that exclude each other are refused");
    args.cr_flags = CR_CHKPT_PROHIBIT_SELF;
    tap_ok(cr_request_checkpoint(&args, &handle) == -1 && errno == EDEADLK,
           "CR_CHKPT_PROHIBIT_SELF holds");
    args.cr_flags = 0;
    args.cr_target = 0x3ffffff;
    tap_ok(cr_request_checkpoint(&args, &handle) == -1 && errno == ESRCH, "no such process: ESRCH");
    args.cr_flags = CR_CHKPT_ASYNC_ERR;
    tap_ok(cr_request_checkpoint(&args, &handle) == 0, "with CR_CHKPT_ASYNC_ERR that comes later");
    tap_ok(cr_poll_checkpoint(&handle, NULL) == CR_POLL_CHKPT_ERR_POST && errno == ESRCH,
           "... as the final status");
    tap_ok(cr_reap_checkpoint(&handle) == -1 && errno == EINVAL, "the handle is gone then");
    close(args.cr_fd);
}

static void check_traced(const char *file)
{
    cr_checkpoint_args_t args = arguments(file);
    cr_checkpoint_handle_t handle;
    pid_t child = fork();
    int status;

    if (child == 0) {
        await(cr_available());
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(child, &status, 0);
    args.cr_target = child;
    tap_ok(cr_request_checkpoint(&args, &handle) == 0 &&
               cr_poll_checkpoint(&handle, NULL) == CR_POLL_CHKPT_ERR_POST && errno == CR_EPTRACED,
           "a traced process is CR_EPTRACED");
    args.cr_flags = CR_CHKPT_PTRACED_SKIP;
    tap_ok(cr_request_checkpoint(&args, &handle) == 0 &&
               cr_poll_checkpoint(&handle, NULL) == CR_POLL_CHKPT_ERR_POST && errno == ESRCH,
           "with CR_CHKPT_PTRACED_SKIP nobody is left");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    child_signals = 0;
    close(args.cr_fd);
}

/* A child that can be checkpointed, and waits. */
static pid_t make_child(int *ret_pipe)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        exit(2);
    child = fork();
    if (child == 0) {
        char c;
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0);
        close(ends[1]);
        if (read(ends[0], &c, 1) < 0)
            _exit(3);
        _exit(0);
    }
    close(ends[0]);
    *ret_pipe = ends[1];
    return child;
}

static int ready_by_select(int fd)
{
    struct timeval limit = {30, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, &set, NULL, NULL, &limit) == 1 && FD_ISSET(fd, &set);
}

static int ready_by_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int set = epoll_create1(EPOLL_CLOEXEC);
    int ready = epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 &&
                epoll_wait(set, &event, 1, 30000) == 1 && event.data.fd == fd;

    close(set);
    return ready;
}

static int ready_by_poll(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, 30000) == 1 && (p.revents & POLLIN) != 0;
}

static int is_image(const char *file)
{
    char magic[4] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, magic, 4);

    close(fd);
    return n == 4 &&
           (memcmp(magic, "\177ELF", 4) == 0 || memcmp(magic, "./", 2) == 0 || magic[0] != 0);
}

static void check_other(const char *file, const char *name, int (*is_ready)(int fd))
{
    int end;
    int descriptors = count_descriptors();
    pid_t child = make_child(&end);
    cr_checkpoint_args_t args = arguments(file);
    cr_checkpoint_handle_t handle;
    struct timeval none = {0, 0};
    char text[128];
    int status;
    int rc;

    args.cr_target = child;
    tap_ok(cr_request_checkpoint(&args, &handle) == 0, "a checkpoint of another process begins");
    rc = cr_wait_checkpoint(&handle, &none);
    tap_ok(rc == 0 || rc == 1, "cr_wait_checkpoint() says whether it is done");
    if (rc == 0)
        tap_ok(cr_reap_checkpoint(&handle) == -1 && errno == EAGAIN,
               "before that there is no status");
    snprintf(text, sizeof(text), "%s() sees the handle become ready", name);
    tap_ok(is_ready((int)handle), text);
    rc = cr_log_checkpoint(&handle, 0, NULL);
    if (rc > 0) {
        cr_log_checkpoint(&handle, sizeof(text), text);
        printf("# %s\n", text);
    }
    rc = cr_reap_checkpoint(&handle);
    tap_ok(rc > 0, "it was taken");
    if (rc < 0)
        printf("# %s\n", cr_strerror(errno));
    tap_ok(is_image(file), "the image is in the file");
    tap_ok(waitpid(-1, &status, WNOHANG) == 0, "the helper is no child of the program");
    tap_ok(child_signals == 0, "... and no SIGCHLD comes from it");
    close(end);
    close(args.cr_fd);
    tap_ok(waitpid(child, &status, 0) == child && status == 0, "the process runs on");
    child_signals = 0;
    tap_ok(count_descriptors() == descriptors, "no descriptor is left");
}

/* The restarted one ends here, too. */
static void check_self(const char *file)
{
    cr_checkpoint_args_t args = arguments(file);
    cr_checkpoint_handle_t handle;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 4711};
    int set = epoll_create1(EPOLL_CLOEXEC);
    char *message = NULL;
    int rc;

    args.cr_target = getpid();
    cr_enter_cs(cr_init());
    tap_ok(cr_request_checkpoint(&args, &handle) == 0, "a checkpoint of the caller begins");
    epoll_ctl(set, EPOLL_CTL_ADD, (int)handle, &event);
    cr_leave_cs(cr_init());
    memset(&event, 0, sizeof(event));
    tap_ok(epoll_wait(set, &event, 1, 30000) == 1 && event.data.u64 == 4711,
           "an epoll instance in the image knows its handle");
    close(set);
    rc = cr_poll_checkpoint_msg(&handle, NULL, &message);
    if (rc > 0) {
        tap_ok(1, "it was taken");
    } else {
        tap_ok(rc == CR_POLL_CHKPT_ERR_POST && errno == CR_ERESTARTED,
               "the restarted process gets CR_ERESTARTED on the same handle");
        if (errno != CR_ERESTARTED)
            printf("# %s: %s\n", cr_strerror(errno), message != NULL ? message : "");
    }
    tap_ok(message == NULL || rc < 0, "there is nothing to be said about it");
    free(message);
    tap_ok(cr_wait_checkpoint(&handle, NULL) == -1 && errno == EINVAL, "the handle is gone");
    close(args.cr_fd);
}

int main(int argc, char **argv)
{
    if (argc < 2 || cr_init() < 0)
        return 2;
    signal(SIGCHLD, count_child);
    check_arguments(argv[1]);
    check_traced(argv[1]);
    check_other(argv[1], "select", ready_by_select);
    check_other(argv[1], "poll", ready_by_poll);
    check_other(argv[1], "epoll_wait", ready_by_epoll);
    check_self(argv[1]);
    return tap_done();
}
