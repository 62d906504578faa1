/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What the generated wrappers of the stub call: brackets of collectives, life of communicators, requests
 * that the real library made. Written by hand in this folder, and therefore not generated, are
 *   MPI_Init MPI_Init_thread MPI_Finalize
 *   MPI_Send Ssend Rsend Bsend Isend Issend Irsend Ibsend Recv Irecv Sendrecv Sendrecv_replace
 *   MPI_Wait Waitall Waitany Waitsome Test Testall Testany Testsome
 *   MPI_Request_free Request_get_status Cancel Start Startall
 *   MPI_Send_init Ssend_init Rsend_init Bsend_init Recv_init Buffer_attach Buffer_detach
 *   MPI_Probe Iprobe Mprobe Improbe Mrecv Imrecv Grequest_start Grequest_complete
 * each with its PMPI_ alias.
 */
#ifndef CR_QUIESCE_H
#define CR_QUIESCE_H

#include "cr_gate.h"

#include "cr_mpi.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Around the real call of everything that all ranks of a group must call (data collectives, creators of communicators,
 * windows and files, Comm_free): begin may park the thread, so handles are translated after it. KIND-specific forms find
 * the group: the parent communicator's; for an intercommunicator the union of both; MPI_Comm_create_group's own group.
 * cr_collective_end() follows every one of them, also after an error. FS is the upper half's.
 */
void cr_collective_begin(MPI_Comm comm);
void cr_collective_begin_group(MPI_Group group);
/* On a window or a file: PARENT is the communicator's state kept by cr_quiesce_parent() when it was made. */
struct cr_group;
struct cr_group *cr_quiesce_parent(MPI_Comm comm);
void cr_collective_begin_clock(struct cr_group *clock);
/*
 * A clock for one call that these world ranks make together and that no communicator of theirs counts. ID: the same on all,
 * of no other call; used when several threads may call MPI. `over` follows cr_collective_end(); NULL is allowed.
 */
struct cr_group *cr_quiesce_call_clock(const uint64_t id[2], const uint32_t *ranks, int count);
void cr_quiesce_call_over(struct cr_group *clock);
/* Of calls whose group cannot be known beforehand (MPI_Comm_join): no clock, but no checkpoint while inside. */
void cr_collective_begin_unclocked(void);
void cr_collective_end(void);

/*
 * COMM (a new virtual handle, bound to its real one) joins or leaves those that the drain probes. `remove` comes before
 * the real communicator is freed. FS is the upper half's. Never fails; memory comes from the stub's pool.
 */
void cr_quiesce_comm_added(MPI_Comm comm);
void cr_quiesce_comm_removed(MPI_Comm comm);
/* All its members have called MPI_Comm_free; requests may still refer to it, so it is removed later. */
void cr_quiesce_comm_freed(MPI_Comm comm);

/* Wraps a request that the real library made, to be waited for by the wrappers of this folder. */
enum cr_request_type {
    CR_REQUEST_SEND = 1,
    CR_REQUEST_RECEIVE,
    CR_REQUEST_COLLECTIVE,            /* completes in the drain: every member has begun it */
    CR_REQUEST_OTHER,                 /* file and one-sided operations: the drain waits for it */
    CR_REQUEST_GENERALIZED,           /* completed by the application; nothing real is behind it */
    CR_REQUEST_PERSISTENT_COLLECTIVE, /* MPIX_Bcast_init ...: MPI_Start counts on COMM's clock */
    CR_REQUEST_IDUP /* COMM is the new communicator: cr_communicator_idup_done(comm) when it completes */
};
/*
 * COMM: MPI_COMM_NULL for file, one-sided and generalized requests. MADE_BY: "MPI_File_iread", for refusals. SCRATCH (from
 * cr_pool_alloc(), or NULL): translated argument arrays that the real library may read until the request is complete or freed;
 * given back then.
 */
MPI_Request cr_request_adopt(enum cr_request_type type, MPI_Comm comm, MPI_Request real,
                             const char *made_by, void *scratch, size_t scratch_size);
/* Whether operations on files are done by the call that starts them, because several threads may call MPI; such a request. */
int cr_request_at_once(void);
MPI_Request cr_request_done(const MPI_Status *status);

#endif
