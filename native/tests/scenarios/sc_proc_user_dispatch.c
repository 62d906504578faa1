/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that handles its own system calls is refused.
 * refused: PR_SET_SYSCALL_USER_DISPATCH
 */
#include "scenario.h"

#include <sys/prctl.h>

static char selector; /* 0: the kernel handles them, for now */

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A thread that handles its own system calls is refused.");
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector) != 0)
        sc_skip("the kernel has no user dispatch");
    sc_ready();
    sc_wait();
    sc_pass();
}
