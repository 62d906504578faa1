/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that must not be written to a file is refused.
 * refused: not dumpable
 */
#include "scenario.h"

#include <sys/prctl.h>

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A process that must not be written to a file is refused.");
    prctl(PR_SET_DUMPABLE, 0);
    sc_ready();
    sc_wait();
    sc_pass();
}
