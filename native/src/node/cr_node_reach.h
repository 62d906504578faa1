/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. By which addresses the other nodes of a job reach this one: those from which this node would speak to the
 * launcher, whose own addresses every rank finds in its environment.
 */
#ifndef CR_NODE_REACH_H
#define CR_NODE_REACH_H

#include <stddef.h>

#define CR_NODE_REACH_MAX 8    /* addresses */
#define CR_NODE_REACH_SIZE 512 /* of their list */

/*
 * Fills RET_LIST with where the crnode of the calling rank's job is to listen: numeric addresses with commas between them, or
 * nothing when the job stays on this node (LAUNCHER_IS_HERE says that the launcher does). Returns their number.
 */
int cr_node_reach(int launcher_is_here, char *ret_list, size_t size);

/* The address from which this node would speak to PEER (numeric). Returns 0, or -1 if it has no way there. */
int cr_node_reach_from(const char *peer, char *ret_address, size_t size);

#endif
