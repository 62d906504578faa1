/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Children that are dead and not waited for keep their statuses and names, and are not told of twice. */
#include "sc_family.h"

static volatile int signals;

static void count(int number)
{
    (void)number;
    signals++;
}

static pid_t start(int status, int number)
{
    pid_t pid = fork();
    siginfo_t info;

    if (pid == 0) {
        if (number == 0)
            _exit(status);
        kill(getpid(), number);
        for (;;)
            pause();
    }
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    return pid;
}

static void expect_name(pid_t pid)
{
    char path[64];
    char name[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL || fgets(name, sizeof(name), file) == NULL)
        sc_fail("the name of %d cannot be read: %s", (int)pid, strerror(errno));
    fclose(file);
    if (strcmp(name, "sc_family_dead\n") != 0)
        sc_fail("the dead process %d is called %s", (int)pid, name);
}

static void expect(pid_t pid, int status)
{
    int got;
    pid_t ended;

    expect_name(pid);
    ended = waitpid(pid, &got, 0);

    if (ended != pid)
        sc_fail("waitpid(%d) gives %d: %s", pid, ended, strerror(errno));
    if (got != status)
        sc_fail("the status of %d is 0x%x and was 0x%x", pid, got, status);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    pid_t dead[4];
    int before;

    sc_init(argc, argv, "the dead keep their statuses");
    sigaction(SIGCHLD, &action, NULL);
    dead[0] = start(3, 0);
    dead[1] = start(0, SIGKILL);
    dead[2] = start(0, SIGTERM);
    dead[3] = start(255, 0);
    sc_pause();
    before = signals;
    sc_ready();
    sc_wait();
    if (signals != before)
        sc_fail("%d signals SIGCHLD came from nowhere", signals - before);
    expect(dead[2], SIGTERM);
    expect(dead[0], 3 << 8);
    expect(dead[1], SIGKILL);
    expect(dead[3], 255 << 8);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        sc_fail("there is one child too many");
    sc_pass();
}
