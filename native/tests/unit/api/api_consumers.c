/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MPI libraries and batch systems did with BLCR, call by call: deprecated requests of the own process watched through
 * cr_status(), callbacks that omit the process, switching off, a request that is never reaped, a restart that is never
 * polled. The restart comes from a file written before.
 */
#include "api_test.h"

#include <sys/stat.h>

#if CR_RELEASE_MAJOR > 0 || CR_RELEASE_MINOR >= 6
#define HAVE_INFO 1
#else
#define HAVE_INFO 0
#endif

static volatile int thread_runs, signal_runs, states;
static volatile int omit;
static volatile int omit_rc;

/* As in Open MPI's component: the thread callback takes the checkpoint, and says how it went by a state. */
static int thread_callback(void *unused)
{
    const struct cr_checkpoint_info *info = HAVE_INFO ? cr_get_checkpoint_info() : NULL;
    int rc;

    (void)unused;
    thread_runs += info != NULL;
    rc = cr_checkpoint(omit ? CR_CHECKPOINT_OMIT : 0);
    if (omit)
        omit_rc = rc;
    else
        states = rc == 0 ? 1 : rc > 0 ? 2 : 3;
    return 0;
}

static int signal_callback(void *unused)
{
    (void)unused;
    signal_runs++;
    cr_checkpoint(0);
    return 0;
}

static int is_there(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 && st.st_size > 4096;
}

static int await_idle(void)
{
    return await(cr_status() == CR_STATE_IDLE);
}

static void check_file_requests(const char *file)
{
    char own[64];
    struct stat st = {0};
    int fd;

    unlink(file);
    cr_request_file(file);
    tap_ok(states != 0 || cr_status() != CR_STATE_IDLE,
           "cr_request_file() returns with the checkpoint pending");
    tap_ok(await_idle() && is_there(file) && states == 1, "cr_status() tells when it is done");
    tap_ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0600, "the file's mode is 0600");
    tap_ok(thread_runs == 1 && signal_runs == 1, "both callbacks ran");
    fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_request_fd(fd);
    tap_ok(await(is_there(file)) && await_idle() && await(thread_runs == 2),
           "cr_request_fd() the same");
    close(fd);
    snprintf(own, sizeof(own), "context.%d", (int)getpid());
    cr_request();
    tap_ok(await_idle() && is_there(own), "cr_request() writes context.PID");
    unlink(own);
}

static cr_checkpoint_args_t arguments(const char *file)
{
    cr_checkpoint_args_t args;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_TREE;
    args.cr_target = 0;
    args.cr_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    args.cr_signal = 0;
    args.cr_timeout = 0;
    args.cr_flags = CR_CHKPT_DUMP_ALL;
    return args;
}

static void check_switching(cr_client_id_t client, cr_callback_id_t id)
{
    cr_checkpoint_handle_t handle;
    cr_checkpoint_args_t args = arguments("/dev/null");
    struct timeval moment = {0, 30000};
    int before = thread_runs;

    args.cr_flags = 0;
    omit = 1;
    tap_ok(cr_request_checkpoint(&args, &handle) == 0 &&
               cr_poll_checkpoint(&handle, NULL) == CR_POLL_CHKPT_ERR_POST && errno == ESRCH,
           "a callback omits the process: nobody is left");
    tap_ok(omit_rc == -CR_EOMITTED, "cr_checkpoint() says -CR_EOMITTED");
    omit = 0;
    cr_enter_cs(client);
    tap_ok(cr_request_checkpoint(&args, &handle) == 0 && cr_wait_checkpoint(&handle, &moment) == 0,
           "a critical section disables checkpoints");
    cr_leave_cs(client);
    tap_ok(cr_poll_checkpoint(&handle, NULL) > 0, "and enables them");
    before = thread_runs;
    cr_replace_callback(id, NULL, NULL, CR_THREAD_CONTEXT);
    tap_ok(cr_request_checkpoint(&args, &handle) == 0 && cr_poll_checkpoint(&handle, NULL) > 0 &&
               thread_runs == before,
           "a callback is switched off");
    close(args.cr_fd);
}

/* Writes an image of a process that ends with status 7 when it is restarted. */
static pid_t make_image(const char *file)
{
    pid_t child = fork();

    if (child == 0) {
        int rc;
        await(cr_available());
        rc = cr_checkpoint_self(file);
        if (rc < 0)
            printf("# child: %s\n", cr_strerror(errno));
        fflush(stdout);
        _exit(rc == 1 ? 7 : rc == 0 ? 0 : 9);
    }
    return child;
}

static void check_restart(const char *file)
{
    cr_restart_args_t args;
    cr_restart_handle_t handle = 0;
    char *message = NULL;
    pid_t child = make_image(file);
    pid_t restarted;
    int status = -1;

    waitpid(child, &status, 0);
    tap_ok(status == 0, "an image of a child");
    cr_initialize_restart_args_t(&args);
    tap_ok(args.cr_fd == -1 && args.cr_flags == CR_RSTRT_RESTORE_PID && args.cr_relocate == NULL,
           "the arguments of a restart have BLCR's defaults");
    tap_ok(cr_request_restart(&args, &handle) == -1 && errno == EBADF,
           "the descriptor must be one");
    args.cr_fd = open(file, O_RDONLY | O_CLOEXEC);
    tap_ok(cr_request_restart(&args, &handle) == 0, "a restart begins");
    restarted = cr_poll_restart_msg(&handle, NULL, &message);
    tap_ok(restarted > 0, "and tells the pid");
    if (restarted <= 0)
        printf("# %s: %s\n", cr_strerror(errno), message != NULL ? message : "");
    free(message);
    tap_ok(waitpid(-1, &status, 0) == restarted && WIFEXITED(status) && WEXITSTATUS(status) == 7,
           "the restarted process is a child of the caller, and its only one");
    tap_ok(waitpid(-1, &status, 0) == -1 && errno == ECHILD, "no other child is there");
    close(args.cr_fd);
    args.cr_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tap_ok(cr_request_restart(&args, &handle) == 0 && cr_wait_restart(&handle, NULL) == 1 &&
               cr_log_restart(&handle, 0, NULL) > 0 && cr_reap_restart(&handle) == -1,
           "what is no image is refused with words");
    tap_ok(cr_poll_restart(&handle, NULL) == CR_POLL_RSTRT_ERR_PRE && errno == EINVAL,
           "the handle is gone then");
    close(args.cr_fd);
}

/* Hydra never reaped its request and never polled its restart. */
static void leave_requests(const char *file)
{
    cr_checkpoint_handle_t handle;
    cr_checkpoint_args_t args = arguments(file);
    cr_restart_args_t again;
    cr_restart_handle_t restart;
    int status = -1;

    tap_ok(cr_request_checkpoint(&args, &handle) == 0 && cr_wait_checkpoint(&handle, NULL) == 1,
           "a request that is never reaped");
    close(args.cr_fd);
    waitpid(make_image(file), &status, 0);
    cr_initialize_restart_args_t(&again);
    again.cr_fd = open(file, O_RDONLY | O_CLOEXEC);
    again.cr_flags = CR_RSTRT_RESTORE_PID;
    status = -1;
    tap_ok(cr_request_restart(&again, &restart) == 0 && await(waitpid(-1, &status, WNOHANG) > 0) &&
               WIFEXITED(status) && WEXITSTATUS(status) == 7,
           "a restart that is never polled");
    close(again.cr_fd);
}

int main(int argc, char **argv)
{
    cr_client_id_t client;
    cr_callback_id_t id;

    if (argc < 2)
        return 2;
    client = cr_init();
    id = cr_register_callback(thread_callback, NULL, CR_THREAD_CONTEXT);
    tap_ok(client >= 0 && id > 0 &&
               cr_register_callback(signal_callback, NULL, CR_SIGNAL_CONTEXT) > 0,
           "callbacks in both contexts");
    check_file_requests(argv[1]);
    check_switching(client, id);
    check_restart(argv[1]);
    leave_requests(argv[1]);
    unlink(argv[1]);
    return tap_done();
}
