/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of product.c. A state is a pair of functions: SELF enters it and announces with inside() that its next step
 * is the one in which the checkpoint shall find it; PARTNER does what belongs to it before, is late(), and then serves
 * it. Both verify what they get. Nothing here may involve the other side: it is in another state.
 */
#ifndef PRODUCT_H
#define PRODUCT_H

#include "qt.h"

enum { BIG = 50000, SMALL = 5, TAG = 11 };

struct side {
    int number;    /* of the pair's checkpoint */
    int salt;      /* of the data, different for the two sides */
    MPI_Comm comm; /* for messages: with two or with four ranks */
    int me, peer;  /* in comm */
    MPI_Comm
        all; /* for collectives: SELF 0 and PARTNER 1; or all four, if both sides are in the same state */
    int rank, size, is_self; /* in all */
};

struct state {
    const char *name;
    void (*self)(struct side *s);
    void (*partner)(struct side *s);
    const char *refused; /* the checkpoint must be, with these words */
};

extern int out[BIG], in[BIG];
extern MPI_Status status;

/* SELF: the next step is the state. */
void inside(const struct side *s);
/* SELF: computes until the checkpoint is over. */
void compute(const struct side *s);
/* PARTNER: returns when the checkpoint is over. */
void late(const struct side *s);
/* PARTNER: returns when the checkpoint has begun; what converges only then are the collectives of this side. */
void late_for_a_collective(const struct side *s);

/* The first COUNT numbers of message WHICH of this side. */
void fill(const struct side *s, int which, int count);
void check(const struct side *s, int which, int count);
void check_status(const struct side *s, int tag, int count);
/* fill() and MPI_Send; MPI_Recv, check() and check_status(). */
void send_numbers(const struct side *s, int which, int count, int tag);
void receive_numbers(const struct side *s, int which, int count, int tag);

extern const struct state product_messages[], product_requests[], product_collectives[],
    product_objects[], product_comms[];

#endif
