/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_checkpoint_attach.h"

#include "cr_attach.h"
#include "cr_cli.h"
#include "cr_session.h"

#include <limits.h>

#define LIBRARY "libcr_run.so.0"

int cr_checkpoint_attach(pid_t pid, void *argument, struct cr_error *err)
{
    char library[PATH_MAX];
    pid_t agent;
    int rc = cr_session_find_agent(pid, &agent, err);

    (void)argument;
    if (rc != -CR_ENOAGENT)
        return rc;
    if (cr_cli_library(LIBRARY, library, sizeof(library)) < 0)
        return cr_fail(err, CR_ENOAGENT,
                       "process %d was not started with cr_run, and " LIBRARY
                       " is not in lib/ beside the folder of cr_checkpoint; is Quiesce installed "
                       "completely?",
                       pid);
    *err = (struct cr_error){0};
    return cr_attach(pid, library, err);
}
