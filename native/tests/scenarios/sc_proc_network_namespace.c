/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process with a network of its own is refused.
 * refused: network namespace
 * needs: root
 */
#include "scenario.h"

#include <sched.h>

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A process with a network of its own is refused.");
    if (unshare(CLONE_NEWNET) != 0)
        sc_skip("no network namespaces here");
    sc_ready();
    sc_wait();
    sc_pass();
}
