/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Process groups, sessions and terminals by the ids that the program knows. */
#include "cr_preload_pid.h"

#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

CR_WRAPPER pid_t getpgid(pid_t pid)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id(
        CR_NEXT(getpgid)(cr_preload_kernel_id(pid, CR_ID_PROCESS)), CR_ID_GROUP));
}

CR_WRAPPER pid_t getpgrp(void)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id(CR_NEXT(getpgrp)(), CR_ID_GROUP));
}

static int set_group(pid_t pid, pid_t group)
{
    pid_t process = cr_preload_kernel_id(pid, CR_ID_PROCESS);
    /* The group of a process that leads it has the leader's id, which may not be a group's yet. */
    pid_t kernel = cr_preload_kernel_id(group, CR_ID_GROUP | CR_ID_PROCESS);

    /* One outside of the pid namespace cannot be joined, but may be that of the process already. */
    if (kernel == CR_ID_NOBODY && CR_NEXT(getpgid)(process) == 0)
        return 0;
    return CR_NEXT(setpgid)(process, kernel);
}

CR_WRAPPER int setpgid(pid_t pid, pid_t group)
{
    return CR_WITH_SAME_IDS(set_group(pid, group));
}

CR_WRAPPER pid_t getsid(pid_t pid)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id(
        CR_NEXT(getsid)(cr_preload_kernel_id(pid, CR_ID_PROCESS)), CR_ID_SESSION));
}

CR_WRAPPER pid_t setsid(void)
{
    return cr_preload_known_id(CR_NEXT(setsid)(), CR_ID_PROCESS | CR_ID_SESSION);
}

CR_WRAPPER pid_t tcgetpgrp(int fd)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id(CR_NEXT(tcgetpgrp)(fd), CR_ID_GROUP));
}

CR_WRAPPER int tcsetpgrp(int fd, pid_t group)
{
    return CR_WITH_SAME_IDS(
        CR_NEXT(tcsetpgrp)(fd, cr_preload_kernel_id(group, CR_ID_GROUP | CR_ID_PROCESS)));
}

CR_WRAPPER pid_t tcgetsid(int fd)
{
    return CR_WITH_SAME_IDS(cr_preload_known_id(CR_NEXT(tcgetsid)(fd), CR_ID_SESSION));
}
