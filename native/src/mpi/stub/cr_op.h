/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The pool of functions that stand for the application's operations in the lower
 * half.
 */
#ifndef CR_OP_H
#define CR_OP_H

#include "cr_object.h"

#define CR_OP_THUNKS 512

/* Function i calls cr_op_call(i, ...). */
extern MPI_User_function *const cr_op_thunks[CR_OP_THUNKS];

/* Runs the operation with number THUNK. FS is the lower half's on entry and exit. */
void cr_op_call(int thunk, void *in, void *inout, int *length, MPI_Datatype *real_type);

#endif
