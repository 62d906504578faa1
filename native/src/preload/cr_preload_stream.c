/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. pclose() waits inside the C library, for the id that popen() noted in its stream: after a restart it must be
 * the kernel's.
 */
#include "cr_preload_pid.h"

#include <stdio.h>
#include <sys/wait.h>

/* Behind the FILE and the pointer to its functions: glibc since 2.1, on 64-bit machines. Looked at before it is relied on. */
#define PID_OFFSET (sizeof(FILE) + sizeof(void *))

static volatile int offset_is_wrong;

static volatile pid_t *pid_of(FILE *stream)
{
    return (volatile pid_t *)((char *)stream + PID_OFFSET);
}

static int is_child(pid_t pid)
{
    siginfo_t info;

    return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

CR_WRAPPER FILE *popen(const char *command, const char *mode)
{
    FILE *stream = CR_NEXT(popen)(command, mode);

    if (stream != NULL && !is_child(*pid_of(stream)))
        offset_is_wrong = 1;
    return stream;
}

CR_WRAPPER int pclose(FILE *stream)
{
    if (!offset_is_wrong)
        *pid_of(stream) = cr_preload_kernel_process(*pid_of(stream));
    return CR_NEXT(pclose)(stream);
}
