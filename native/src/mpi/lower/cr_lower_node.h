/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Brings this rank together with the checkpointer of its node (crnode). */
#ifndef CR_LOWER_NODE_H
#define CR_LOWER_NODE_H

#include "cr_error.h"

/*
 * In a launched job: writes the job's name and folders into the info page and starts PROGRAM
 * (crnode; "": none installed) if this is the job's first rank on this node. ARGUMENTS are the
 * application's words, MPI_VERSION the library's. Does nothing for a program that no launcher
 * started. Returns 0, or a negative code: then the job cannot be checkpointed.
 */
int cr_lower_node_start(const char *program, char *const *arguments, const char *mpi_version,
                        struct cr_error *err);

#endif
