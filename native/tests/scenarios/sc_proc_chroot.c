/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process with a root directory of its own is refused.
 * refused: another root directory
 * needs: root
 */
#include "scenario.h"

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A process with a root directory of its own is refused.");
    if (chroot(argv[1]) != 0)
        sc_fail("cannot change the root directory");
    snprintf(sc_directory, sizeof(sc_directory), "/.");
    sc_ready();
    sc_wait();
    sc_pass();
}
