/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. cr_restart: brings a process back and stands in for it: it passes on signals,
 * and ends as the process does.
 */
#include "cr_error.h"
#include "cr_restore_start.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE 255

enum {
    OPTION_RESTORE_PID = 256,
    OPTION_NO_RESTORE_PID,
    OPTION_PIDNS,
    OPTION_RUN_SUCCESS,
    OPTION_RUN_FAILURE,
    OPTION_NO_CHECK_FILES,
    OPTION_CHECK,
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"file", required_argument, NULL, 'f'},
    {"restore-pid", no_argument, NULL, OPTION_RESTORE_PID},
    {"no-restore-pid", no_argument, NULL, OPTION_NO_RESTORE_PID},
    {"pidns", no_argument, NULL, OPTION_PIDNS},
    {"run-on-success", required_argument, NULL, OPTION_RUN_SUCCESS},
    {"run-on-failure", required_argument, NULL, OPTION_RUN_FAILURE},
    {"no-check-files", no_argument, NULL, OPTION_NO_CHECK_FILES},
    {"check", no_argument, NULL, OPTION_CHECK},
    {NULL, 0, NULL, 0}};

struct settings {
    const char *file;
    const char *on_success;
    const char *on_failure;
    struct cr_restore_options restore;
    int flags;
    int check_only;
    int quiet;
};

static pid_t child_pid;

static void print_usage(void)
{
    printf("Usage: cr_restart [options] FILE\n"
           "Brings back the process whose image is FILE, and ends as it does.\n\n"
           "  -f, --file FILE         the image\n"
           "  --restore-pid           fail if the old process and thread ids cannot be had\n"
           "  --no-restore-pid        do not try; the program still sees its old ids\n"
           "                          (default: try, and go on without)\n"
           "  --pidns                 the old ids in a pid namespace of its own\n"
           "  --check                 only say whether FILE can be restarted here\n"
           "  --no-check-files        do not compare mapped files with those of the image\n"
           "  --run-on-success CMD    run CMD when the process has been started\n"
           "  --run-on-failure CMD    run CMD when it could not be\n"
           "  -q, --quiet  -?, --help  -v, --version\n\n"
           "Exit status: that of the process; 7 image missing or damaged, 8 cannot be restarted "
           "here,\n"
           "9 not permitted, 255 bad usage.\n");
}

static void usage_error(const char *what, const char *value)
{
    fprintf(stderr, "cr_restart: %s%s; see cr_restart --help\n", what, value);
    exit(EXIT_USAGE);
}

static void take_option(struct settings *s, int option, char **argv)
{
    switch (option) {
    case 'f':
        s->file = optarg;
        break;
    case 'q':
        s->quiet = 1;
        break;
    case 'v':
        printf("cr_restart: version %s\n", QUIESCE_VERSION);
        exit(0);
    case OPTION_RESTORE_PID:
        s->restore.exact_pid = 1;
        s->restore.new_pid = 0;
        break;
    case OPTION_NO_RESTORE_PID:
        s->restore.exact_pid = 0;
        s->restore.new_pid = 1;
        break;
    case OPTION_PIDNS:
        s->restore.pid_namespace = 1;
        break;
    case OPTION_RUN_SUCCESS:
        s->on_success = optarg;
        break;
    case OPTION_RUN_FAILURE:
        s->on_failure = optarg;
        break;
    case OPTION_NO_CHECK_FILES:
        s->flags |= CR_RESTORE_NO_CHECK_FILES;
        break;
    case OPTION_CHECK:
        s->check_only = 1;
        break;
    default:
        if (option != 'h' && strcmp(argv[optind - 1], "-?") != 0)
            usage_error("unknown option or missing value: ", argv[optind - 1]);
        print_usage();
        exit(0);
    }
}

static void parse(int argc, char **argv, struct settings *s)
{
    int option;

    memset(s, 0, sizeof(*s));
    opterr = 0;
    while ((option = getopt_long(argc, argv, "?vqf:", long_options, NULL)) != -1)
        take_option(s, option, argv);
    if (s->file == NULL && optind < argc)
        s->file = argv[optind++];
    if (s->file == NULL)
        usage_error("which image? give its FILE", "");
    if (optind < argc)
        usage_error("too many arguments: ", argv[optind]);
}

static void forward(int number, siginfo_t *info, void *context)
{
    int code = errno;

    (void)context;
    /* What the terminal sends goes to the whole process group, the child included. */
    if (child_pid > 0 && info->si_code != SI_KERNEL)
        kill(child_pid, number);
    /* Job control stops the stand-in as well, so that the shell sees it. */
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        raise(SIGSTOP);
    errno = code;
}

static int is_own_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGTRAP || number == SIGSYS || number == SIGABRT;
}

static void forward_signals(void)
{
    struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_RESTART | SA_SIGINFO};

    sigfillset(&action.sa_mask);
    for (int i = 1; i <= 64; i++)
        if (i != SIGKILL && i != SIGSTOP && i != SIGCHLD && !is_own_fault(i) && i != 32 && i != 33)
            sigaction(i, &action, NULL);
}

/* Ends as the child has ended, by the same signal if there was one. */
static void end_like_child(void)
{
    struct rlimit no_core = {0, 0};
    sigset_t all;
    int status = 0;

    while (waitpid(child_pid, &status, 0) < 0)
        if (errno != EINTR)
            exit(8);
    if (!WIFSIGNALED(status))
        exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &no_core);
    signal(WTERMSIG(status), SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    raise(WTERMSIG(status));
    exit(128 + WTERMSIG(status));
}

static int fail(const struct settings *s, int code, const struct cr_error *err)
{
    int status;

    if (!s->quiet)
        fprintf(stderr, "cr_restart: %s\n", err->text);
    if (s->on_failure != NULL) {
        status = system(s->on_failure);
        if (status > 0)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    }
    return cr_restore_status(code);
}

static int start(const struct settings *s, struct cr_error *err)
{
    struct cr_restore *r;
    sigset_t all;
    sigset_t old;
    int rc = cr_restore_open(s->file, s->flags, &r, err);

    if (rc < 0)
        return rc;
    rc = cr_restore_check_host(r, err);
    if (rc == 0 && !s->check_only) {
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &old);
        rc = cr_restore_start(r, &s->restore, &child_pid, err);
        forward_signals();
        sigprocmask(SIG_SETMASK, &old, NULL);
    }
    cr_restore_close(r);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct cr_error err = {0};
    int rc;

    parse(argc, argv, &settings);
    rc = start(&settings, &err);
    if (rc < 0)
        return fail(&settings, rc, &err);
    if (settings.check_only)
        return 0;
    if (settings.on_success != NULL) {
        rc = system(settings.on_success);
        if (rc != 0)
            return WIFEXITED(rc) ? WEXITSTATUS(rc) : 128;
    }
    end_like_child();
}
