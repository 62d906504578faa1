/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. A child that a signal has stopped is stopped afterwards, too. */
#include "sc_family.h"

static volatile int signals;

static void count(int number)
{
    (void)number;
    signals++;
}

static pid_t start(int status)
{
    pid_t pid = fork();
    siginfo_t info;

    if (pid == 0) {
        kill(getpid(), SIGSTOP);
        _exit(status);
    }
    waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT);
    return pid;
}

static char state_of(pid_t pid)
{
    char path[64];
    char text[256] = "";
    FILE *file;
    const char *end;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL || fgets(text, sizeof(text), file) == NULL)
        sc_fail("no %s", path);
    fclose(file);
    end = strrchr(text, ')');
    return end != NULL ? end[2] : '?';
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    int status = 0;
    int before;
    pid_t known;
    pid_t news;

    sc_init(argc, argv, "a stopped child stays stopped");
    sigaction(SIGCHLD, &action, NULL);
    known = start(5);
    waitpid(known, &status, WUNTRACED);
    news = start(6);
    sc_pause();
    before = signals;
    sc_ready();
    sc_wait();
    if (signals != before)
        sc_fail("%d signals SIGCHLD came from nowhere", signals - before);
    if (state_of(known) != 'T' || state_of(news) != 'T')
        sc_fail("the children are in states %c and %c", state_of(known), state_of(news));
    if (waitpid(known, &status, WUNTRACED | WNOHANG) != 0)
        sc_fail("a stop is told of twice");
    if (waitpid(news, &status, WUNTRACED) != news || !WIFSTOPPED(status) ||
        WSTOPSIG(status) != SIGSTOP)
        sc_fail("a stop is not told of: status 0x%x", status);
    kill(known, SIGCONT);
    kill(news, SIGCONT);
    sc_expect_exit(known, 5);
    sc_expect_exit(news, 6);
    sc_pass();
}
