/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Children come and go all the time: each is waited for by its own id, or is the one that a wait for anybody gives. */
#include "sc_family.h"

static void expect(pid_t got, pid_t child, const int *status, int wanted)
{
    if (got != child)
        sc_fail("a wait for %d gives %d: %s", (int)child, (int)got, strerror(errno));
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != wanted)
        sc_fail("the child ended with %#x and not %d", *status, wanted);
}

static void expect_by_waitid(pid_t child, int wanted)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)child, &info, WEXITED) != 0)
        sc_fail("waitid(%d): %s", (int)child, strerror(errno));
    if (info.si_pid != child || info.si_status != wanted)
        sc_fail("waitid(%d) gives %d, %d", (int)child, (int)info.si_pid, info.si_status);
}

static void one_child(unsigned round)
{
    const int wanted = (int)(round % 100);
    pid_t parent = getpid();
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(getppid() == parent ? wanted : 101);
    if (child < 0)
        sc_fail("fork: %s", strerror(errno));
    switch (round % 3) {
    case 0:
        expect(waitpid(child, &status, 0), child, &status, wanted);
        break;
    case 1:
        expect(wait(&status), child, &status, wanted);
        break;
    default:
        expect_by_waitid(child, wanted);
    }
    if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD)
        sc_fail("there is a child too many");
}

int main(int argc, char **argv)
{
    sc_init(argc, argv, "children that end at once");
    for (unsigned round = 0; round <= 20 || !sc_may_go(); round++) {
        one_child(round);
        if (round == 20)
            sc_ready();
    }
    sc_pass();
}
