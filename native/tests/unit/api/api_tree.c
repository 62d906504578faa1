/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes: callbacks that add processes to a request, and that end it for all; a checkpoint of a tree by a member
 * of it, which ends the program. api.sh restarts the tree.
 */
#include "api_test.h"

#include <sys/mman.h>

static struct shared {
    volatile int ready, end;
    volatile int runs[3], outcomes[3];
    volatile int forward_rc, forward_errno, bad_scope, bad_target, late;
    volatile pid_t other;
    volatile int permanent;
} *shared;

static int place;

static int count(void *unused)
{
    (void)unused;
    shared->outcomes[place] =
        cr_checkpoint(shared->permanent && place == 1 ? CR_CHECKPOINT_PERM_FAILURE : 0);
    shared->runs[place]++;
    return 0;
}

static int forward(void *unused)
{
    (void)unused;
    shared->bad_scope = cr_forward_checkpoint((cr_scope_t)17, 0) == -1 ? errno : 0;
    shared->bad_target = cr_forward_checkpoint(CR_SCOPE_PROC, 0x3ffffff) == -1 ? errno : 0;
    shared->forward_rc = cr_forward_checkpoint(CR_SCOPE_PROC, shared->other);
    shared->forward_errno = errno;
    shared->outcomes[place] = cr_checkpoint(0);
    shared->runs[place]++;
    shared->late = cr_forward_checkpoint(CR_SCOPE_PROC, shared->other) == -1 ? errno : 0;
    return 0;
}

static void live(void)
{
    __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
    while (!shared->end)
        usleep(1000);
    _exit(0);
}

/* A child that runs CALLBACK in CONTEXT; with NESTED it has a child of its own. */
static pid_t make(int number, cr_callback_t callback, int context, int nested)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    place = number;
    await(cr_available());
    if (cr_init() < 0 || (callback != NULL && cr_register_callback(callback, NULL, context) < 0))
        _exit(9);
    if (nested && make(number + 1, count, CR_THREAD_CONTEXT, 0) < 0)
        _exit(8);
    live();
    return 0;
}

static int ask(cr_scope_t scope, pid_t target, const char *file)
{
    cr_checkpoint_args_t args;
    cr_checkpoint_handle_t handle;
    char *message = NULL;
    int rc;
    int code;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = scope;
    args.cr_target = target;
    args.cr_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    rc = cr_request_checkpoint(&args, &handle);
    if (rc == 0)
        rc = cr_poll_checkpoint_msg(&handle, NULL, &message);
    code = errno;
    if (message != NULL)
        printf("# %s\n", message);
    free(message);
    close(args.cr_fd);
    errno = code;
    return rc;
}

static int is_archive(const char *file)
{
    char magic[6] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int good = pread(fd, magic, 5, 257) == 5 && strcmp(magic, "ustar") == 0;

    close(fd);
    return good;
}

static void reset(void)
{
    memset(shared, 0, sizeof(*shared));
}

static void end_all(int count_of)
{
    int status;

    shared->end = 1;
    while (count_of-- > 0)
        waitpid(-1, &status, 0);
}

static void check_forward(const char *file, int context, const char *words)
{
    char text[160];
    pid_t first;
    int rc;

    reset();
    first = make(0, forward, context, 0);
    shared->other = make(1, count, CR_THREAD_CONTEXT, 0);
    if (!await(shared->ready == 2))
        exit(2);
    rc = ask(CR_SCOPE_PROC, first, file);
    snprintf(text, sizeof(text), "%s: one process is asked for, and its callback adds another",
             words);
    tap_ok(rc > 0 && shared->forward_rc == 0 && is_archive(file), text);
    if (rc <= 0)
        printf("# %s; forward %d %s\n", cr_strerror(errno), shared->forward_rc,
               cr_strerror(shared->forward_errno));
    tap_ok(await(shared->runs[1] == 1) && shared->runs[0] == 1 && shared->outcomes[0] == 0 &&
               shared->outcomes[1] == 0,
           "the callbacks of both run, once");
    tap_ok(shared->bad_scope == EINVAL && shared->bad_target == ESRCH && shared->late == CR_ENOTCB,
           "EINVAL, ESRCH, CR_ENOTCB");
    end_all(2);
}

static void check_permanent(const char *file)
{
    int status = 0;
    pid_t parent;

    reset();
    shared->permanent = 1;
    parent = make(0, count, CR_THREAD_CONTEXT, 1);
    if (!await(shared->ready == 2))
        exit(2);
    tap_ok(ask(CR_SCOPE_TREE, parent, file) == CR_POLL_CHKPT_ERR_POST && errno == CR_EPERMFAIL,
           "a callback in one process of a tree says PERM_FAILURE");
    tap_ok(waitpid(parent, &status, 0) == parent && WIFSIGNALED(status) &&
               WTERMSIG(status) == SIGKILL,
           "the others are killed as well");
}

/* Both ends of a pipe, and a child that answers through it. */
static void check_tree(const char *file)
{
    int down[2], up[2];
    pid_t child;
    int status = -1;
    char c = 'a';
    int rc;

    if (pipe(down) < 0 || pipe(up) < 0)
        exit(2);
    child = fork();
    if (child == 0) {
        close(down[1]);
        while (read(down[0], &c, 1) == 1) {
            c++;
            if (write(up[1], &c, 1) != 1)
                _exit(4);
        }
        _exit(5);
    }
    rc = ask(CR_SCOPE_TREE, 0, file);
    if (rc > 0)
        tap_ok(1, "a program saves the tree that it is the root of");
    else
        tap_ok(rc == CR_POLL_CHKPT_ERR_POST && errno == CR_ERESTARTED,
               "in the restarted one the handle says so");
    if (rc < 0 && errno != CR_ERESTARTED)
        printf("# %s\n", cr_strerror(errno));
    tap_ok(write(down[1], &c, 1) == 1 && read(up[0], &c, 1) == 1 && c == 'b',
           "the child answers through its pipe");
    close(down[1]);
    tap_ok(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5,
           "and ends as a child of this process");
}

int main(int argc, char **argv)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 2 || shared == MAP_FAILED || cr_init() < 0)
        return 2;
    check_forward(argv[1], CR_THREAD_CONTEXT, "in thread context");
    check_forward(argv[1], CR_SIGNAL_CONTEXT, "in signal context");
    check_permanent(argv[1]);
    check_tree(argv[1]);
    return tap_done();
}
