/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Parent and child talk through two pipes all the time. */
#include "sc_family.h"

#define STATUS 7
#define ROUNDS_AFTER 500

__attribute__((noreturn)) static void answer(int in, int out)
{
    uint64_t n;

    while (sc_read_all(in, &n, sizeof(n))) {
        n = n * 3 + 1;
        sc_write_all(out, &n, sizeof(n));
    }
    _exit(STATUS);
}

int main(int argc, char **argv)
{
    int to[2];
    int from[2];
    int after = 0;
    uint64_t heard;
    pid_t child;

    sc_init(argc, argv, "parent and child hear each other through pipes");
    if (pipe(to) != 0 || pipe(from) != 0)
        return 2;
    child = fork();
    if (child == 0) {
        close(to[1]);
        close(from[0]);
        answer(to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    for (uint64_t n = 0; after < ROUNDS_AFTER; n++) {
        sc_write_all(to[1], &n, sizeof(n));
        sc_hear(from[0], &heard, sizeof(heard));
        if (heard != n * 3 + 1)
            sc_fail("the answer to %lu is %lu", (unsigned long)n, (unsigned long)heard);
        if (n == 10)
            sc_ready();
        after += sc_may_go();
    }
    close(to[1]);
    if (read(from[0], &heard, 1) != 0)
        sc_fail("the end of the pipe does not come");
    sc_expect_exit(child, STATUS);
    sc_pass();
}
