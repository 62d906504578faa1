/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. A chain of descendants, each of which waits for its child. */
#include "sc_family.h"

#define DEPTH 8

/* Every generation adds one to what its child ended with. */
static int descend(int depth)
{
    int status = 0;
    pid_t child;

    if (depth == DEPTH) {
        sc_ready();
        sc_wait();
        return 1;
    }
    child = fork();
    if (child == 0)
        _exit(descend(depth + 1));
    while (waitpid(child, &status, 0) != child)
        if (errno != EINTR)
            return 100;
    return WIFEXITED(status) ? WEXITSTATUS(status) + 1 : 101;
}

int main(int argc, char **argv)
{
    int status;

    sc_init(argc, argv, "eight generations wait for each other");
    status = descend(0);
    if (status != DEPTH + 1)
        sc_fail("the eldest hears %d", status);
    sc_pass();
}
