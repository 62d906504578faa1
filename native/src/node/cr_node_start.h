/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Called by every rank before its program is entered: the first one on a node starts the job's crnode there. */
#ifndef CR_NODE_START_H
#define CR_NODE_START_H

#include "cr_error.h"
#include "cr_job_dir.h"

#include <spawn.h>
#include <stdint.h>

struct cr_node_launch {
    uint32_t world_size;     /* 0: not known yet */
    const char *mpi_version; /* such as "Open MPI v4.1.4"; may be NULL */
    char *const *argument;   /* the application's words, ends with NULL; may be NULL */
    const char *
        crnode; /* path of the program, or NULL: beside the calling program or in ../libexec/quiesce */
};

/*
 * Makes sure that a crnode of the job DIR runs on this node and accepts ranks on DIR->run/node.sock when this returns. Makes the
 * directories and the key if they are missing. crnode is no child of the caller, is in its own session, and holds none of the
 * caller's descriptors. Waits for whoever else is starting one, at most 15 s. Returns 0 or a negative code.
 */
int cr_node_start(const struct cr_job_dir *dir, const struct cr_node_launch *launch,
                  struct cr_error *err);

/* The process gets a session of its own and none of the caller's settings of signals. Returns 0, or not. */
int cr_node_start_apart(posix_spawnattr_t *attributes);

#endif
