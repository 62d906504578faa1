/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Messages that a drain has received for which no receive was posted.
 * They are older than anything in the network, so every receive and probe looks here first. One queue per communicator,
 * in the order of arrival; each message has its own mapping.
 */
#ifndef CR_UNEXPECTED_H
#define CR_UNEXPECTED_H

#include "cr_stub.h"

struct cr_message {
    struct cr_message *next;
    int source, tag;
    size_t bytes;    /* of the packed data */
    size_t mapped;   /* size of the mapping that begins with this structure */
    uint64_t ticket; /* of the synchronous send that waits for its receive; 0: none */
    uint32_t sender; /* its world rank */
    char data[];
};

struct cr_comm_state {
    uint32_t kept; /* messages in the queue: 0 nearly always */
    struct cr_message *first, **last;
};

static inline struct cr_comm_state *cr_unexpected_state(MPI_Comm comm)
{
    return ((struct cr_communicator *)comm)->state;
}

/* 1 if a receive on COMM has to look into the queue. */
static inline int cr_unexpected_any(MPI_Comm comm)
{
    const struct cr_comm_state *state = cr_unexpected_state(comm);

    return __builtin_expect(state != NULL && state->kept != 0, 0);
}

/* A message of BYTES, not yet in a queue. NULL: no memory. */
struct cr_message *cr_unexpected_new(size_t bytes);
void cr_unexpected_free(struct cr_message *message);
/* Last in the queue. Only with the threads parked. */
void cr_unexpected_append(struct cr_comm_state *state, struct cr_message *message);

/* The oldest message on COMM that matches SOURCE and TAG (wildcards allowed), fills RET_STATUS; NULL: none. */
const struct cr_message *cr_unexpected_find(MPI_Comm comm, int source, int tag,
                                            MPI_Status *ret_status);
/* The same, and takes it out of the queue; the caller frees it. RET_STATUS may be NULL. Atomic among threads. */
struct cr_message *cr_unexpected_take(MPI_Comm comm, int source, int tag, MPI_Status *ret_status);

/*
 * Puts MESSAGE into the application's buffer exactly as MPI would (truncation, partial elements, strides), frees it and
 * fills RET_STATUS. Returns the MPI code. FS: the upper half's.
 */
int cr_unexpected_deliver(struct cr_message *message, void *buffer, int count,
                          MPI_Datatype datatype, MPI_Status *ret_status);

/* A real datatype and count of BYTES bytes, which may be more than INT_MAX. FS: lower. Returns the MPI code. */
int cr_unexpected_bytes_type(size_t bytes, MPI_Datatype *ret_type, int *ret_count);

#endif
