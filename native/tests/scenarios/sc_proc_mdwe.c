/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has sealed its memory against new code is refused.
 * refused: PR_SET_MDWE
 */
#include "scenario.h"

#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A process that has sealed its memory against new code is refused.");
    if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0)
        sc_skip("the kernel has no PR_SET_MDWE");
    sc_ready();
    sc_wait();
    sc_pass();
}
