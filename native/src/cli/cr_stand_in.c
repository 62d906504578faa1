/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_stand_in.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t stood_for;

static void forward(int number, siginfo_t *info, void *context)
{
    int code = errno;

    (void)context;
    /* What the terminal sends goes to the whole process group, the child included. */
    if (stood_for > 0 && (info->si_code != SI_KERNEL || getpgid(stood_for) != getpgrp()))
        kill(stood_for, number);
    /* Job control stops the stand-in as well, so that the shell sees it. */
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
        raise(SIGSTOP);
    errno = code;
}

/* A fault of our own is ours; sent by somebody, it is meant for the child. */
static void forward_fault(int number, siginfo_t *info, void *context)
{
    if (info->si_code <= 0) {
        forward(number, info, context);
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static int is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGTRAP || number == SIGSYS;
}

void cr_stand_in_forward(pid_t child)
{
    struct sigaction action = {.sa_flags = SA_RESTART | SA_SIGINFO};

    stood_for = child;
    sigfillset(&action.sa_mask);
    for (int i = 1; i <= 64; i++) {
        if (i == SIGKILL || i == SIGSTOP || i == SIGCHLD || i == 32 || i == 33)
            continue;
        action.sa_sigaction = is_fault(i) ? forward_fault : forward;
        sigaction(i, &action, NULL);
    }
}

void cr_stand_in_wait(pid_t child)
{
    struct rlimit no_core = {0, 0};
    sigset_t all;
    int status = 0;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            exit(errno & 255);
    if (!WIFSIGNALED(status))
        exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &no_core);
    signal(WTERMSIG(status), SIG_DFL);
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    raise(WTERMSIG(status));
    exit(128 + WTERMSIG(status));
}
