/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Persistent collectives. The real request is made by MPIX_..._init, and
 * again, from the arguments, by the first MPI_Start in a new lower half. Both count on the communicator's clock, so that
 * all members make their real requests in the same order.
 */
#ifndef CR_PERSISTENT_H
#define CR_PERSISTENT_H

#include "cr_request.h"

/* How the arguments of one call begin; the rest of the record is the generator's. */
struct cr_persistent_call {
    /* Makes the real request. Upper FS. Returns the MPI code. */
    int (*make)(struct cr_persistent_call *call, MPI_Request *ret_real);
    /* Calls TYPE and OP with each handle among the arguments. */
    void (*visit)(struct cr_persistent_call *call, void (*type)(MPI_Datatype type),
                  void (*op)(MPI_Op op));
    size_t size; /* of the whole record, for the pool */
    size_t used;
    uint64_t generation; /* of the lower half for which the real request was made */
};

/* Room for COUNT entries of EACH bytes. */
static inline size_t cr_persistent_bytes(int count, size_t each)
{
    return count > 0 ? ((size_t)count * each + 7) & ~(size_t)7 : 0;
}

/* A record of SIZE bytes with room for ARRAYS bytes behind it. */
void *cr_persistent_new(size_t size, size_t arrays);
/* Room behind the record, filled with COUNT entries of FROM. FROM itself if it is not significant. */
const void *cr_persistent_copy(struct cr_persistent_call *call, const void *from, int count,
                               size_t each);
/* COUNT real handles for HANDLES, in SPACE. */
const void *cr_persistent_real(void *space, const void *handles, int count);
/* Inside the clock's bracket: makes the real request and the application's, or gives CALL back. Returns the MPI code. */
int cr_persistent_create(struct cr_persistent_call *call, MPI_Comm comm, const char *made_by,
                         MPI_Request *ret_request);
/* MPI_Start. Returns the MPI code. */
int cr_persistent_start(struct cr_request *request);
/* The request is being released. */
void cr_persistent_freed(struct cr_request *request);

#endif
