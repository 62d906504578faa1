/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libc changes the user of all threads by a signal that each of them must answer, the agent's included: a program that gave
 * up its rights hung.
 */
#include "scenario.h"

#include <sys/types.h>

int main(int argc, char **argv)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    sc_init(argc, argv, "setuid() and setgid() return before and after");
    if (setgid(gid) != 0 || setuid(uid) != 0)
        sc_fail("cannot become the user that the process is");
    sc_ready();
    sc_wait();
    if (setgid(gid) != 0 || setuid(uid) != 0)
        sc_fail("cannot become the user that the process is any more");
    sc_pass();
}
