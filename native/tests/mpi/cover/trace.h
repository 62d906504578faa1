/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library that is preloaded by programs under test. It records which MPI functions they call, what was in progress or alive
 * at each checkpoint, and it asks for the checkpoints. trace_wrappers.py makes its wrappers, one for each function of the table.
 */
#ifndef TRACE_H
#define TRACE_H

#define OMPI_OMIT_MPI1_COMPAT_DECLS 0
#define OMPI_REMOVED_USE_STATIC_ASSERT 0
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <stdlib.h>
/* After mpi.h. */
#include <mpi-ext.h>

struct trace_call {
    int function, begun, epoch;
};

/* Entered; this may ask for a checkpoint. CLOCKED: all ranks of something must call it. */
void trace_enter(struct trace_call *call, int function, int clocked);
void trace_leave(struct trace_call *call);
/* FUNCTION has made HANDLE, unless it is the null handle. */
void trace_made(int function, const void *handle, const void *null);
void trace_gone(const void *handle);
void *trace_next(const char *name);

/* The handles in an array before a call, to be compared with those after it. */
void **trace_copy(const void *array, int count);
void trace_compare(void **before, const void *array, int count);

extern const char *const trace_names[];
extern const int trace_count;

#endif
