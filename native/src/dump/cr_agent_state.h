/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen and restorer. What whoever restores an image tells the agent in it. It lies in
 * libcr.so's data; the image's Header note holds its address. Fields are append-only.
 */
#ifndef CR_AGENT_STATE_H
#define CR_AGENT_STATE_H

#include <stdint.h>

#define CR_AGENT_STATE_MAGIC 0x5441545343525143UL
#define CR_AGENT_STATE_VERSION 2

struct cr_agent_state {
    uint64_t magic;
    uint32_t version;
    uint32_t generation;     /* how many restarts lie behind this process */
    uint64_t restorer_start; /* the restorer's own memory, which the agent unmaps; 0: none */
    uint64_t restorer_end;
    uint32_t lower_half;     /* 1: restored into the upper half of an MPI rank */
    int32_t handoff_fd;      /* what cr_restart tells its processes (cr_handoff.h); 0: nothing */
    int32_t restart_fd;      /* the socket to cr_restart; 0: none */
    uint32_t handoff_member; /* which member of the handoff this process is */
};

extern struct cr_agent_state cr_agent_state;

#endif
