/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process in a working directory that is gone is refused.
 * refused: does not exist any more
 */
#include "scenario.h"

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A process in a working directory that is gone is refused.");
    char path[600];

    snprintf(path, sizeof(path), "%s/gone", argv[1]);
    if (mkdir(path, 0700) != 0 || chdir(path) != 0 || rmdir(path) != 0)
        sc_fail("cannot make and remove %s", path);
    sc_ready();
    sc_wait();
    sc_pass();
}
