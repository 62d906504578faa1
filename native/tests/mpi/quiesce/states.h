/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The states of states.c, and what they share. */
#ifndef STATES_H
#define STATES_H

#include "qt.h"

enum { BIG = 300000, TAG = 5 };

extern MPI_Comm comm; /* a duplicate of the world */
extern int number;    /* of the checkpoint asked for */
extern int big[BIG], into[BIG];
extern MPI_Status status;

/* Rank 0: the others are in the state by now; have the checkpoint taken. */
void late(void);
/* The same, but return when the checkpoint has begun. */
void late_for_a_collective(void);
/* Rank 0 is late, and nobody goes on to a collective before it. */
void late_before_a_collective(void);
/* All ranks leave a state together, by point-to-point messages, so that no collective disturbs it. */
void leave(void);

void send_int(int value, int to, int tag);
int receive_int(int from, int tag);
/* INTO is what BIG is. */
void check_big(const char *what);

void recv_specific(void);
void recv_any_big(void);
void ssend_unmatched(void);
void send_rendezvous(void);
void unexpected_order(void);
void waitall(void);
void waitany(void);
void waitsome(void);
void test_family(void);
void status_of_drained(void);
void probe(void);
void iprobe_and_test(void);
void mprobe_held(void);
void self_and_nobody(void);
void zero_bytes(void);
void strided(void);
void strided_posted(void);
void truncated(void);
void bsend(void);
void rsend(void);
void persistent(void);
void cancelled(void);
void freed_while_active(void);
void sendrecv(void);
void sendrecv_received(void);
void barrier_early(void);
void bcast_root_ahead(void);
void iallreduce_all(void);
void iallreduce_some(void);
void split_half_entered(void);
void communicators(void);
void cartesian(void);
void derived_types(void);
void user_operation(void);
void operation_of_thread(void);
void attributes(void);
void error_handlers(void);
void ssend_exact(void);
void ssend_blocking(void);
void ssend_held(void);
void ssend_freed(void);
void generalized(void);
void datatypes_in_flight(void);
void statuses(void);
void cancelled_before(void);
void freed_receives(void);
void nobody_and_nothing(void);
void huge_messages(void);
void persistent_collectives(void);
void persistent_some_started(void);
void generalized_among_others(void);

#endif
