/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The name of a process that is being brought back, and of cr_restart while it does so: one that looks for
 * members of a checkpoint must neither miss it nor take it for a process without an agent.
 */
#ifndef CR_RETURNING_H
#define CR_RETURNING_H

#define CR_RETURNING_NAME "cr_returning"

#endif
