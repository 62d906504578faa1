/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Brings this rank together with the checkpointer of its node (crnode). */
#ifndef CR_LOWER_NODE_H
#define CR_LOWER_NODE_H

/*
 * Writes the job's name and folders into the info page and starts PROGRAM (crnode; "": none installed) if this is the
 * job's first rank on this node. Without crnode the rank runs, but its job cannot be checkpointed.
 */
void cr_lower_node_start(const char *program);

#endif
