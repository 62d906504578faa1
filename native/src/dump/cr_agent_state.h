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
#define CR_AGENT_STATE_VERSION 1

struct cr_agent_state {
    uint64_t magic;
    uint32_t version;
    uint32_t generation;     /* how many restarts lie behind this process */
    uint64_t restorer_start; /* the restorer's own memory, which the agent unmaps; 0: none */
    uint64_t restorer_end;
    uint32_t lower_half; /* 1: restored into the upper half of an MPI rank */
    uint32_t reserved;
};

extern struct cr_agent_state cr_agent_state;

#endif
