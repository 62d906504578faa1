/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#ifndef CR_SESSION_PLACE_H
#define CR_SESSION_PLACE_H

#include "cr_error.h"

#include <sys/types.h>

/*
 * 0, or -CR_EREFUSED: PID is in another namespace (network, IPC, host name, mounts) or root directory than the caller.
 * Pid, user and time namespaces may differ: a restart makes such.
 */
int cr_session_check_place(pid_t pid, struct cr_error *err);

#endif
