/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Fifty processes, or as many as argv[2] says, in a ring of pipes. */
#include "sc_family.h"

#define MOST 200

static int pipes[MOST + 1][2];
static int count = 50;

static void keep_two(int in, int out)
{
    for (int i = 0; i <= count; i++) {
        if (i != in)
            close(pipes[i][0]);
        if (i != out)
            close(pipes[i][1]);
    }
}

int main(int argc, char **argv)
{
    pid_t children[MOST];
    uint64_t token;

    if (argc > 2)
        count = atoi(argv[2]) < MOST ? atoi(argv[2]) : MOST;
    sc_init(argc, argv, "fifty processes hand a token round");
    for (int i = 0; i <= count; i++)
        if (pipe(pipes[i]) != 0)
            return 2;
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        keep_two(i, i + 1);
        while (sc_read_all(pipes[i][0], &token, sizeof(token))) {
            token++;
            sc_write_all(pipes[i + 1][1], &token, sizeof(token));
        }
        _exit(i);
    }
    keep_two(count, 0);
    for (uint64_t round = 0, after = 0; after < 50; round++, after += (uint64_t)sc_may_go()) {
        token = round;
        sc_write_all(pipes[0][1], &token, sizeof(token));
        sc_hear(pipes[count][0], &token, sizeof(token));
        if (token != round + (uint64_t)count)
            sc_fail("the token of round %lu is %lu", (unsigned long)round, (unsigned long)token);
        if (round == 3)
            sc_ready();
    }
    close(pipes[0][1]);
    for (int i = 0; i < count; i++)
        sc_expect_exit(children[i], i);
    sc_pass();
}
