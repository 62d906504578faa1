/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callbacks can say, what the requester and the other callbacks hear of it, and what becomes of the process. Each case
 * is a child of its own that this program asks to be checkpointed.
 */
#include "api_test.h"

#include <sys/mman.h>
#include <sys/prctl.h>

enum { SAYS_FLAGS, RETURNS_BEFORE, RETURNS_AFTER };

struct what {
    const char *text;
    int action;
    int flags;
    int error;  /* that the requester gets; 0: it was taken */
    int seen;   /* by the callbacks around it */
    int killed; /* the process */
};

static const struct what cases[] = {
    {"READY", SAYS_FLAGS, CR_CHECKPOINT_READY, 0, 0, 0},
    {"TEMP_FAILURE", SAYS_FLAGS, CR_CHECKPOINT_TEMP_FAILURE, CR_ETEMPFAIL, -CR_ETEMPFAIL, 0},
    {"TEMP_FAILURE_CODE", SAYS_FLAGS, CR_CHECKPOINT_TEMP_FAILURE_CODE(77), 77, -77, 0},
    {"TEMP_FAILURE_CODE, the largest", SAYS_FLAGS, CR_CHECKPOINT_TEMP_FAILURE_CODE(65535), 65535,
     -65535, 0},
    {"OMIT", SAYS_FLAGS, CR_CHECKPOINT_OMIT, ESRCH, -CR_EOMITTED, 0},
    {"PERM_FAILURE", SAYS_FLAGS, CR_CHECKPOINT_PERM_FAILURE, CR_EPERMFAIL, 0, 1},
    {"PERM_FAILURE_CODE", SAYS_FLAGS, CR_CHECKPOINT_PERM_FAILURE_CODE(78), 78, 0, 1},
    {"non-zero before cr_checkpoint()", RETURNS_BEFORE, 0, CR_EPERMFAIL, 0, 1},
    {"non-zero after it", RETURNS_AFTER, 0, CR_EPERMFAIL, 0, 1},
};

static struct shared {
    volatile int ready, end, ended;
    volatile int outer_rc, decider_rc, inner_runs;
    volatile int second_call, in_thread_errno, in_callback_status;
    volatile int info_ok, info_after_ok;
    volatile pid_t requester;
} *shared;

static const struct what *now;

static int outer(void *unused)
{
    (void)unused;
    shared->outer_rc = cr_checkpoint(CR_CHECKPOINT_READY);
    shared->second_call = cr_checkpoint(0);
    return 0;
}

static int decider(void *unused)
{
    const struct cr_checkpoint_info *info = cr_get_checkpoint_info();

    (void)unused;
    shared->info_ok = info != NULL && info->target == getpid() && info->signal == 0 &&
                      info->scope == CR_SCOPE_PROC && info->dest != NULL && info->requester > 0 &&
                      cr_get_restart_info() == NULL;
    shared->in_callback_status = cr_status();
    shared->in_thread_errno =
        cr_register_callback(outer, NULL, CR_THREAD_CONTEXT) == -1 ? errno : 0;
    if (now->action == RETURNS_BEFORE)
        return 1;
    shared->decider_rc = cr_checkpoint(now->flags);
    shared->info_after_ok = cr_get_checkpoint_info() == NULL && cr_get_restart_info() == NULL;
    return now->action == RETURNS_AFTER ? 7 : 0;
}

static int inner(void *unused)
{
    (void)unused;
    shared->inner_runs++;
    cr_checkpoint(0);
    return 0;
}

static void child_main(int context)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, 0);
    close(null);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cr_init() < 0 || cr_register_callback(inner, NULL, context) < 0 ||
        cr_register_callback(decider, NULL, context) < 0 ||
        cr_register_callback(outer, NULL, context) < 0)
        _exit(9);
    shared->ready = 1;
    while (!shared->end)
        usleep(1000);
    shared->ended = 1;
    _exit(0);
}

static int ask(pid_t target, int *ret_errno)
{
    cr_checkpoint_args_t args;
    cr_checkpoint_handle_t handle;
    char *message = NULL;
    int rc;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_PROC;
    args.cr_target = target;
    args.cr_fd = memfd_create("image", MFD_CLOEXEC);
    rc = cr_request_checkpoint(&args, &handle);
    if (rc == 0)
        rc = cr_poll_checkpoint_msg(&handle, NULL, &message);
    *ret_errno = rc < 0 ? errno : 0;
    if (message != NULL)
        printf("# %s\n", message);
    free(message);
    close(args.cr_fd);
    return rc;
}

/* Evaluated one after the other, so a case reads as a list of what is true. */
static void check(const char *in, const char *what, int condition)
{
    char text[200];

    snprintf(text, sizeof(text), "%s, %s: %s", in, now->text, what);
    tap_ok(condition, text);
}

static void run_case(const struct what *w, int context)
{
    const char *in = context == CR_THREAD_CONTEXT ? "thread context" : "signal context";
    int status = -1;
    int error;
    pid_t child;

    now = w;
    memset(shared, 0, sizeof(*shared));
    shared->outer_rc = shared->decider_rc = 12345;
    child = fork();
    if (child == 0)
        child_main(context);
    if (!await(shared->ready))
        exit(2);
    ask(child, &error);
    check(in, "the requester's status", error == w->error);
    if (error != w->error)
        printf("# got %d, %s\n", error, cr_strerror(error));
    if (!w->killed)
        shared->end = 1;
    waitpid(child, &status, 0);
    check(in, w->killed ? "the process was killed" : "the process goes on",
          w->killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0);
    check(in, "later callbacks run only after READY",
          shared->inner_runs == (w->action == RETURNS_AFTER || w->error == 0));
    check(in, "info and status are there, and registering is EBUSY",
          shared->info_ok && shared->in_callback_status == CR_STATE_ACTIVE &&
              shared->in_thread_errno == EBUSY);
    if (w->killed)
        return;
    check(in, "what the callbacks around it see", shared->outer_rc == w->seen);
    check(in, "what it sees itself", shared->decider_rc == w->seen && shared->info_after_ok);
    check(in, "a second cr_checkpoint() is refused", shared->second_call == -CR_ENOTCB);
}

int main(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || cr_init() < 0)
        return 2;
    tap_ok(cr_checkpoint(0) == -CR_ENOTCB, "cr_checkpoint() belongs into callbacks");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        run_case(&cases[i], CR_THREAD_CONTEXT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        run_case(&cases[i], CR_SIGNAL_CONTEXT);
    return tap_done();
}
