/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that say #include <mpi-ext.h> and look for OMPI_HAVE_MPI_EXT_CR: with -I PREFIX/include/quiesce they find the
 * extension "cr" besides those of the machine's own Open MPI.
 */
#ifndef QUIESCE_MPI_EXT_H
#define QUIESCE_MPI_EXT_H

#include "../quiesce_mpi.h" /* and mpi.h, without which the other one does not compile */

#pragma GCC system_header /* so that compilers that are told to be pedantic take the next line */
#if __has_include_next(<mpi-ext.h>)
#include_next <mpi-ext.h>
#endif

#ifndef OMPI_HAVE_MPI_EXT
#define OMPI_HAVE_MPI_EXT 1
#endif

#endif
