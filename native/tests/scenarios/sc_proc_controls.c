/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What a process sets by prctl(), personality() and membarrier() for itself. */
#include "scenario.h"

#include <linux/membarrier.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#define REGISTRATIONS (1 << 9)

static int merges, io_flusher, speculation;
static long registered;

static void set_up(void)
{
    umask(027);
    personality(ADDR_NO_RANDOMIZE);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    registered = syscall(SYS_membarrier, REGISTRATIONS, 0, 0);
    prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
    speculation = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);
    io_flusher = prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0;
    merges = prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) == 0;
}

int main(int argc, char **argv)
{
    int value = 0;

    sc_init(argc, argv, "settings of the process stay");
    set_up();
    sc_ready();
    sc_wait();
    if (umask(0) != 027 || personality(0xffffffff) != ADDR_NO_RANDOMIZE)
        sc_fail("umask or personality has changed");
    prctl(PR_GET_CHILD_SUBREAPER, &value);
    if (value != 1)
        sc_fail("it is no subreaper any more");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 1)
        sc_fail("no_new_privs or dumpable has changed");
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1)
        sc_fail("huge pages are not disabled any more");
    if (prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) != PR_MCE_KILL_EARLY)
        sc_fail("the policy for memory errors has changed");
    if (syscall(SYS_membarrier, REGISTRATIONS, 0, 0) != registered)
        sc_fail("other membarrier registrations");
    if (prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) != speculation)
        sc_fail("another control of speculation");
    if (io_flusher && prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) != 1)
        sc_fail("it is no I/O flusher any more");
    if (merges && prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) != 1)
        sc_fail("its memory is not merged any more");
    sc_pass();
}
