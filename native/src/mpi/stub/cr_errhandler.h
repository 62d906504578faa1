/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The record behind an MPI_Errhandler. */
#ifndef CR_ERRHANDLER_H
#define CR_ERRHANDLER_H

#include "cr_object.h"

enum { CR_ERRHANDLER_C, CR_ERRHANDLER_CXX, CR_ERRHANDLER_FORTRAN };

typedef void cr_errhandler_any_fn(void);
typedef void cr_errhandler_fortran_fn(MPI_Fint *object, MPI_Fint *rc);
typedef void cr_errhandler_cxx_fn(void *object, int *rc, const char *message,
                                  cr_errhandler_any_fn *function);

/* libmpi_cxx stores at these places what throws exceptions for each kind of object, and its dispatcher. */
#define CR_ERRHANDLER_CXX_THROWERS 88
#define CR_ERRHANDLER_CXX_DISPATCH 120
typedef void cr_errhandler_thrower_fn(void *object, int *rc, ...);

struct cr_errhandler {
    struct cr_handle handle;
    int for_kind; /* enum cr_kind: communicator, window or file; 0: predefined */
    int language;
    uint32_t references;
    cr_errhandler_any_fn *function; /* NULL: predefined */
    char gap[CR_ERRHANDLER_CXX_THROWERS - 40];
    struct { /* of MPI::ERRORS_THROW_EXCEPTIONS */
        cr_errhandler_thrower_fn *comm, *file, *win;
    } throwers;
    char second_gap[8];
    cr_errhandler_cxx_fn *cxx_dispatch;
};
_Static_assert(offsetof(struct cr_errhandler, throwers) == CR_ERRHANDLER_CXX_THROWERS,
               "where libmpi_cxx writes");
_Static_assert(offsetof(struct cr_errhandler, cxx_dispatch) == CR_ERRHANDLER_CXX_DISPATCH,
               "where libmpi_cxx writes");

/* A new handler with one reference. */
MPI_Errhandler cr_errhandler_new(enum cr_kind for_kind, cr_errhandler_any_fn *function,
                                 int language);
/* Nothing happens to predefined ones and NULL. */
void cr_errhandler_retain(struct cr_errhandler *handler);
void cr_errhandler_release(struct cr_errhandler *handler);
/* The handler of OBJECT, its kind's default if none was set. */
struct cr_errhandler *cr_errhandler_of(const struct cr_keyed *object);

#endif
