/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cases of comms.c. Each makes communicators, starts what is under way when the checkpoint comes, ends that after it,
 * and uses what it has made: before the checkpoint and after it the same numbers must come out.
 */
#ifndef COMMS_H
#define COMMS_H

#include "qt.h"

#include <stdint.h>

struct part {
    const char *name;
    void (*make)(void);
    void (*start)(void);  /* what is under way at the checkpoint; NULL: nothing */
    void (*finish)(void); /* and its end */
    void (*use)(void);
    void (*drop)(void);
};

/* Every number that an answer of MPI contains goes into the case's digest. */
void digest(const void *data, size_t size);
void digest_int(int value);
/* All there is to say of COMM: members, order, name, hints, topology; and a sum over it. */
void digest_comm(MPI_Comm comm);

extern const struct part comms_inter[], comms_kept[], comms_led[];

#endif
