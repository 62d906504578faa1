/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Shared by the files about communicators. Upper
 * FS.
 */
#ifndef CR_COMMUNICATOR_H
#define CR_COMMUNICATOR_H

#include "cr_object.h"

/* The communicators that the application has made, newest first, linked by keyed.next. */
extern struct cr_keyed_list cr_communicators;
struct cr_keyed *cr_communicator_list(void);

/*
 * A handle for what MPI_Comm_idup will put into its handle.real; the clock's bracket of PARENT is
 * open.
 */
struct cr_communicator *cr_communicator_idup_begin(MPI_Comm parent);

/*
 * The application holds COMM no more. The last request that refers to it, or this call, frees the
 * real one too (unless it is CR_COMM_GONE), and forgets COMM.
 */
void cr_communicator_freed(struct cr_communicator *comm);

/*
 * The next identity that all members of PARENT agree on; called by all of them in the same order.
 */
void cr_communicator_child(MPI_Comm parent, uint64_t ret_id[2]);

/* cr_communicator_new() with an identity that all members know already. */
MPI_Comm cr_communicator_new_as(MPI_Comm real, MPI_Comm parent, const char *made_by,
                                const uint64_t *id);
/* An identity that no other rank, and no other call of this function, gives. */
void cr_communicator_leader_id(uint64_t ret_id[2]);

/* For the lists of a communicator: from the pool. */
uint32_t *cr_communicator_copy_ranks(const uint32_t *ranks, int count);

/* Copies name and hints of the real communicator: before an image is written, or in the drain. */
void cr_communicator_snapshot_one(struct cr_communicator *comm);

/* ---- after a restart: cr_communicator_ghosts.c ---- */

/*
 * Communicators, linked by keyed.next, that other ranks still need and this rank has forgotten.
 * Collective over all ranks.
 */
int cr_ghosts_hear(struct cr_communicator **ret_ghosts, struct cr_error *err);
/* They have been made, or not: this rank needs them no more. */
void cr_ghosts_free(struct cr_communicator *ghosts);

/* ---- topologies: cr_topology.c ---- */

/*
 * Asks the real MPI for the cartesian or graph topology of COMM and keeps it; nothing without one.
 */
void cr_topology_record(struct cr_communicator *comm);
void cr_topology_forget(struct cr_communicator *comm);
/* For another rank that shall help to make it: size, a multiple of 8 (0: none), bytes, and back. */
size_t cr_topology_bytes(const struct cr_communicator *comm);
void cr_topology_write(const struct cr_communicator *comm, char *to);
void cr_topology_read(struct cr_communicator *comm, const char *from);
/*
 * FLAT is a new communicator with COMM's members in COMM's order: gives it COMM's topology.
 * Collective. A code of MPI.
 */
int cr_topology_make(const struct cr_communicator *comm, MPI_Comm flat, MPI_Comm *ret_real);

#endif
