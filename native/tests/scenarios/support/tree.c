/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree around a scenario: this process waits, a child of it runs the scenario in a grandchild, a sibling echoes what it
 * reads from a pipe. At the end both children must be there, be reaped with the right status, and the pipes hold what was
 * sent. usage: tree DIRECTORY PROGRAM
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_OF_MIDDLE 23
#define SENT "what the parent says"

static const char *directory;

__attribute__((noreturn)) static void tell(const char *word, const char *text)
{
    char unfinished[640];
    char path[600];
    FILE *file;

    snprintf(path, sizeof(path), "%s/tree-result", directory);
    snprintf(unfinished, sizeof(unfinished), "%s.unfinished", path);
    file = fopen(unfinished, "we");
    if (file == NULL)
        _exit(99);
    fprintf(file, "%s %s\n", word, text);
    fclose(file);
    rename(unfinished, path);
    _exit(0);
}

static pid_t start_middle(const char *program)
{
    pid_t pid = fork();
    int status;

    if (pid != 0)
        return pid;
    pid = fork();
    if (pid == 0) {
        execl(program, program, directory, (char *)NULL);
        _exit(98);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        _exit(97);
    _exit(WEXITSTATUS(status) == 0 ? STATUS_OF_MIDDLE : WEXITSTATUS(status));
}

/* Reads from IN until its end, and writes it to OUT. */
static pid_t start_echo(int in[2], int out[2])
{
    pid_t pid = fork();
    char byte;

    if (pid != 0)
        return pid;
    close(in[1]);
    close(out[0]);
    while (read(in[0], &byte, 1) == 1)
        if (write(out[1], &byte, 1) != 1)
            _exit(96);
    _exit(0);
}

static void check(pid_t middle, pid_t echo, int from_echo)
{
    char heard[sizeof(SENT)] = "";
    size_t size = 0;
    ssize_t n;
    int status;

    while ((n = read(from_echo, heard + size, sizeof(heard) - 1 - size)) > 0)
        size += (size_t)n;
    if (strcmp(heard, SENT) != 0)
        tell("fail", heard[0] != 0 ? heard : "nothing came back through two pipes");
    if (waitpid(echo, &status, 0) != echo || status != 0)
        tell("fail", "the sibling did not end well");
    if (waitpid(middle, &status, 0) != middle)
        tell("fail", "the child cannot be waited for");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS_OF_MIDDLE)
        tell("fail", "the child's exit status is another one");
    tell("pass", "children, pipes and exit statuses are as they were");
}

static int exists(const char *name)
{
    char path[600];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return stat(path, &st) == 0;
}

int main(int argc, char **argv)
{
    int to[2];
    int from[2];
    pid_t middle;
    pid_t echo;

    if (argc != 3 || pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return 2;
    directory = argv[1];
    echo = start_echo(to, from);
    close(to[0]);
    close(from[1]);
    middle = start_middle(argv[2]);
    if (write(to[1], SENT, sizeof(SENT) - 1) != (ssize_t)sizeof(SENT) - 1)
        tell("fail", "cannot write to the sibling");
    while (!exists("result"))
        usleep(5000);
    close(to[1]);
    check(middle, echo, from[0]);
}
