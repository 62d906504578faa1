/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Shared by the files about communicators. Upper
 * FS.
 */
#ifndef CR_COMMUNICATOR_H
#define CR_COMMUNICATOR_H

#include "cr_object.h"

extern struct cr_lock cr_communicators_lock;

/* The communicators that the application has made, newest first, linked by keyed.next. */
struct cr_keyed *cr_communicator_list(void);

/*
 * A handle for what MPI_Comm_idup will put into its handle.real; the clock's bracket of PARENT is
 * open.
 */
struct cr_communicator *cr_communicator_idup_begin(MPI_Comm parent);

/* After the real free: forgets COMM, or leaves that to the last request. */
void cr_communicator_freed(struct cr_communicator *comm);

/*
 * The next identity that all members of PARENT agree on; called by all of them in the same order.
 */
void cr_communicator_child(MPI_Comm parent, uint64_t ret_id[2]);

/* ---- topologies: cr_topology.c ---- */

/*
 * Asks the real MPI for the cartesian or graph topology of COMM and keeps it; nothing without one.
 */
void cr_topology_record(struct cr_communicator *comm);
void cr_topology_forget(struct cr_communicator *comm);
/*
 * FLAT is a new communicator with COMM's members in COMM's order: gives it COMM's topology.
 * Collective. A code of MPI.
 */
int cr_topology_make(const struct cr_communicator *comm, MPI_Comm flat, MPI_Comm *ret_real);

#endif
