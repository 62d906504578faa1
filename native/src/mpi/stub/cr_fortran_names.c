/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Fortran procedures that libmpi.so.40 itself exports, each in the four spellings
 * that compilers use.
 */

/* Not with mpi.h, where the upper-case names are macros for the functions of C. */
typedef int fortran_integer;
typedef long address_integer;

double PMPI_Wtime(void);
double PMPI_Wtick(void);

#define EXPORT __attribute__((visibility("default")))

#define SPELLINGS(ret, lower, upper, sig)                                                          \
    ret lower##_ sig;                                                                              \
    ret lower sig;                                                                                 \
    ret lower##__ sig;                                                                             \
    ret upper sig;                                                                                 \
    __attribute__((visibility("default"), alias(#lower "_"))) ret lower sig;                       \
    __attribute__((visibility("default"), alias(#lower "_"))) ret lower##__ sig;                   \
    __attribute__((visibility("default"), alias(#lower "_"))) ret upper sig;                       \
    EXPORT ret lower##_ sig

#define COPY_SIG(integer)                                                                          \
    (fortran_integer * object, fortran_integer * key, integer * extra, integer * in,               \
     integer * out, fortran_integer * flag, fortran_integer * rc)
#define DELETE_SIG(integer)                                                                        \
    (fortran_integer * object, fortran_integer * key, integer * value, integer * extra,            \
     fortran_integer * rc)

#define DUP(lower, upper, integer)                                                                 \
    SPELLINGS(void, lower, upper, COPY_SIG(integer))                                               \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)extra;                                                                               \
        *out = *in;                                                                                \
        *flag = 1;                                                                                 \
        *rc = 0;                                                                                   \
    }
#define NULL_COPY(lower, upper, integer)                                                           \
    SPELLINGS(void, lower, upper, COPY_SIG(integer))                                               \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)extra;                                                                               \
        (void)in;                                                                                  \
        (void)out;                                                                                 \
        *flag = 0;                                                                                 \
        *rc = 0;                                                                                   \
    }
#define NULL_DELETE(lower, upper, integer)                                                         \
    SPELLINGS(void, lower, upper, DELETE_SIG(integer))                                             \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)value;                                                                               \
        (void)extra;                                                                               \
        *rc = 0;                                                                                   \
    }

DUP(mpi_dup_fn, MPI_DUP_FN, fortran_integer)
DUP(mpi_comm_dup_fn, MPI_COMM_DUP_FN, address_integer)
DUP(mpi_type_dup_fn, MPI_TYPE_DUP_FN, address_integer)
DUP(mpi_win_dup_fn, MPI_WIN_DUP_FN, address_integer)
NULL_COPY(mpi_null_copy_fn, MPI_NULL_COPY_FN, fortran_integer)
NULL_COPY(mpi_comm_null_copy_fn, MPI_COMM_NULL_COPY_FN, address_integer)
NULL_COPY(mpi_type_null_copy_fn, MPI_TYPE_NULL_COPY_FN, address_integer)
NULL_COPY(mpi_win_null_copy_fn, MPI_WIN_NULL_COPY_FN, address_integer)
NULL_DELETE(mpi_null_delete_fn, MPI_NULL_DELETE_FN, fortran_integer)
NULL_DELETE(mpi_comm_null_delete_fn, MPI_COMM_NULL_DELETE_FN, address_integer)
NULL_DELETE(mpi_type_null_delete_fn, MPI_TYPE_NULL_DELETE_FN, address_integer)
NULL_DELETE(mpi_win_null_delete_fn, MPI_WIN_NULL_DELETE_FN, address_integer)

SPELLINGS(double, mpi_wtime_f90, MPI_WTIME_F90, (void))
{
    return PMPI_Wtime();
}

SPELLINGS(double, mpi_wtick_f90, MPI_WTICK_F90, (void))
{
    return PMPI_Wtick();
}

SPELLINGS(address_integer, mpi_aint_add_f90, MPI_AINT_ADD_F90,
          (const address_integer *base, const address_integer *by))
{
    return *base + *by;
}

SPELLINGS(address_integer, mpi_aint_diff_f90, MPI_AINT_DIFF_F90,
          (const address_integer *a, const address_integer *b))
{
    return *a - *b;
}

/* MPI_CONVERSION_FN_NULL: only its address matters. */
SPELLINGS(int, mpi_conversion_fn_null, MPI_CONVERSION_FN_NULL, (void))
{
    return 0;
}
