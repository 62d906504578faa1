/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes into which no agent can be loaded. usage: attach_odd MODE
 * Modes: catch (signal 61 has a handler), ignore (SIGTRAP is ignored), sigwait (waits for signal 61 among others),
 * seccomp, traced (prints the id of a child that it traces), plain. All others print their own id; they wait.
 */
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int number)
{
    (void)number;
}

static void *wait_for_any(void *unused)
{
    sigset_t all;
    int number;

    sigfillset(&all);
    sigwait(&all, &number);
    return unused;
}

static pid_t trace_child(void)
{
    pid_t child = fork();

    if (child == 0)
        for (;;)
            pause();
    ptrace(PTRACE_SEIZE, child, 0, 0);
    return child;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "plain";
    pid_t shown = getpid();
    pthread_t thread;
    sigset_t all;

    if (strcmp(mode, "catch") == 0)
        signal(61, on_signal);
    if (strcmp(mode, "ignore") == 0)
        signal(SIGTRAP, SIG_IGN);
    if (strcmp(mode, "traced") == 0)
        shown = trace_child();
    if (strcmp(mode, "sigwait") == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        pthread_create(&thread, NULL, wait_for_any, NULL);
    }
    printf("%d\n", shown);
    fflush(stdout);
    if (strcmp(mode, "seccomp") == 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    for (;;) {
        char c;
        if (read(0, &c, 1) == 0)
            break;
    }
    return 0;
}
