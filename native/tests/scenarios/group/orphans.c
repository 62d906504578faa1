/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leader of a session whose grandchild has lost its parent, for orphans.sh. usage: orphans init|subreaper|under
 *   init       the grandchild has become a child of init, or of whoever takes orphans here
 *   subreaper  the leader takes orphans itself
 *   under COMMAND...  runs COMMAND, takes its orphans, and ends as it does
 * Prints "ready". At SIGUSR1 asks the grandchild where it is, prints what has changed, and ends with 42 if nothing has.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    pid_t pid, parent, group, session;
};

static int ask[2];
static int answer[2];
static volatile int told;

static void on_usr1(int number)
{
    told = number;
}

static void stand(void)
{
    char byte;

    while (read(ask[0], &byte, 1) == 1) {
        struct place here = {getpid(), getppid(), getpgrp(), getsid(0)};
        if (write(answer[1], &here, sizeof(here)) != sizeof(here))
            _exit(1);
    }
    _exit(7);
}

static struct place where(void)
{
    struct place p = {0};

    if (write(ask[1], "", 1) != 1 || read(answer[0], &p, sizeof(p)) != sizeof(p))
        p.pid = -1;
    return p;
}

/* Returns the first answer in which the grandchild has lost its parent. */
static struct place start(void)
{
    pid_t middle = fork();
    struct place p;

    if (middle == 0) {
        if (fork() == 0) {
            close(ask[1]);
            stand();
        }
        _exit(0);
    }
    waitpid(middle, NULL, 0);
    do
        p = where();
    while (p.parent == middle);
    return p;
}

static int differs(const char *what, pid_t then, pid_t now)
{
    if (then != now)
        printf("the %s was %d and is %d\n", what, then, now);
    return then != now;
}

static int run_under(char **command)
{
    pid_t child;
    int status = 0;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child = fork();
    if (child == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    int takes = argc == 2 && strcmp(argv[1], "subreaper") == 0;
    struct place then;
    struct place now;
    int wrong;
    int status = 0;

    if (argc > 2 && strcmp(argv[1], "under") == 0)
        return run_under(argv + 2);
    signal(SIGUSR1, on_usr1);
    if (pipe(ask) != 0 || pipe(answer) != 0 || (takes && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0))
        return 2;
    then = start();
    printf("orphan %d of %d\nready\n", then.pid, then.parent);
    fflush(stdout);
    while (!told)
        usleep(5000);
    now = where();
    wrong = differs("id", then.pid, now.pid) + differs("group", then.group, now.group) +
            differs("session", then.session, now.session);
    if (takes || then.parent == 1)
        wrong += differs("parent", then.parent, now.parent);
    close(ask[1]);
    if (takes && (waitpid(then.pid, &status, 0) != then.pid || WEXITSTATUS(status) != 7))
        wrong += printf("the adopted child cannot be waited for\n");
    fflush(stdout);
    return wrong == 0 ? 42 : 1;
}
