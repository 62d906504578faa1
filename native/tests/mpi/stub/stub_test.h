/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that are run twice, with the machine's own MPI library and on the stub, and must print
 * the same lines (in any order). Each line begins with the rank.
 */
#ifndef STUB_TEST_H
#define STUB_TEST_H

#include <mpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;

static inline void line(const char *format, ...)
{
    va_list args;

    printf("%d: ", rank);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

/* Prints LABEL and the class of a code of MPI. */
static inline void code(const char *label, int rc)
{
    int class = rc;

    if (rc != MPI_SUCCESS)
        MPI_Error_class(rc, &class);
    line("%s -> class %d", label, class);
}

static inline void begin(int *argc, char ***argv)
{
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
}

#endif
