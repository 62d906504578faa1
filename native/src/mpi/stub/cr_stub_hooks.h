/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What the stub and its generated wrappers call in ../quiesce. Each is called inside a wrapper
 * (cr_wrapper_begin() done) with the application's FS.
 */
#ifndef CR_STUB_HOOKS_H
#define CR_STUB_HOOKS_H

#include "cr_handle.h"
#include "cr_mpi.h"

/*
 * End of MPI_Init / MPI_Init_thread: MPI_COMM_WORLD and MPI_COMM_SELF have rank, size and world_ranks; clocks and states
 * are made before. Makes the internal communicator, registers with libcr. LEVEL: the thread level provided.
 */
int cr_quiesce_init(int level);

/* Beginning of MPI_Finalize: barrier; on return no checkpoint can come any more. */
void cr_quiesce_finalize(void);

/* The clock of a group: MEMBERS are sorted world ranks, copied. The same clock for the same members; never freed. */
struct cr_clock *cr_clock_of(const uint32_t *members, size_t count);

/* Bracket of every collective call, the creating ones included. CLOCK may be NULL (members not known): then only the gate. */
void cr_clock_begin(struct cr_clock *clock);
void cr_clock_end(struct cr_clock *clock);

/* Per-communicator data, made when the communicator is (all other fields are set), destroyed with its last reference. */
struct cr_comm_state *cr_comm_state_create(struct cr_communicator *comm);
void cr_comm_state_destroy(struct cr_comm_state *state);

enum cr_request_kind {
    CR_REQUEST_SEND,
    CR_REQUEST_RECV,
    CR_REQUEST_COLLECTIVE,            /* MPI_Ibcast ... */
    CR_REQUEST_PERSISTENT_COLLECTIVE, /* MPIX_Bcast_init ...: inactive until MPI_Start, which counts on the clock */
    CR_REQUEST_IO,                    /* MPI_File_iread ... */
    CR_REQUEST_RMA,                   /* MPI_Rput ... */
    CR_REQUEST_GENERALIZED,
    CR_REQUEST_IDUP, /* MPI_Comm_idup: OWNER is the new communicator, usable when the request is complete */
};

/*
 * The application's handle for a request that the real MPI has just made in a generated or stub wrapper. OWNER: the
 * communicator, window or file; NULL for generalized requests. SCRATCH (from cr_pool_alloc, or NULL): translated argument arrays
 * that the real MPI may read until the request is complete; given back then.
 */
MPI_Request cr_request_adopt(enum cr_request_kind kind, struct cr_keyed *owner, const char *made_by,
                             MPI_Request real, void *scratch, size_t scratch_size);

/* Completion of a CR_REQUEST_IDUP request, called by ../quiesce into the stub before the application sees it. */
void cr_communicator_idup_done(struct cr_communicator *comm);

#endif
