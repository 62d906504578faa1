/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. 512 functions that differ in a number. */
#include "cr_op.h"

#define THUNK(n)                                                                                   \
    static void thunk_##n(void *in, void *inout, int *length, MPI_Datatype *type)                  \
    {                                                                                              \
        cr_op_call(0##n, in, inout, length, type);                                                 \
    }
#define NAME(n) thunk_##n,

/* Numbers are octal: three digits, 000 to 777. */
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
#define ROW(X, n)                                                                                  \
    EIGHT(X, n##0)                                                                                 \
    EIGHT(X, n##1)                                                                                 \
    EIGHT(X, n##2) EIGHT(X, n##3) EIGHT(X, n##4) EIGHT(X, n##5) EIGHT(X, n##6) EIGHT(X, n##7)
#define ALL(X) ROW(X, 0) ROW(X, 1) ROW(X, 2) ROW(X, 3) ROW(X, 4) ROW(X, 5) ROW(X, 6) ROW(X, 7)

ALL(THUNK)

MPI_User_function *const cr_op_thunks[CR_OP_THUNKS] = {ALL(NAME)};
