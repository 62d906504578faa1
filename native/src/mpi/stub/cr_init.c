/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Beginning and end of MPI in a process, its clock, and memory for the
 * application.
 */
#include "cr_stub_wrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Added to the real clock, which begins anew in each lower half, so that it does not go back at a
 * restart.
 */
static double clock_offset;
static double clock_held;

int cr_stub_init(int *argc, char ***argv, int required, int *ret_provided)
{
    int provided = MPI_THREAD_SINGLE, rc;
    uint64_t fs = cr_lower_enter();

    if (required < 0)
        rc = CR_REAL(Init)(argc, argv);
    else
        rc = CR_REAL(Init_thread)(argc, argv, required, &provided);
    if (rc == MPI_SUCCESS)
        cr_lower->mpi_started();
    cr_lower_leave(fs);
    if (ret_provided != NULL)
        *ret_provided = provided;
    if (rc != MPI_SUCCESS)
        return rc;
    cr_errhandler_init();
    cr_attribute_init();
    cr_fortran_init();
    cr_communicator_init();
    cr_communicator_find_parent();
    return MPI_SUCCESS;
}

int cr_stub_finalize(void)
{
    uint64_t fs;
    int rc = cr_attributes_delete(MPI_COMM_SELF);

    if (rc != MPI_SUCCESS)
        return rc;
    fs = cr_lower_enter();
    rc = CR_REAL(Finalize)();
    cr_lower_leave(fs);
    cr_lower->transport[0] = '\0';
    return rc;
}

/* The lower half ends the process: what the application has printed must be out before. */
CR_MPI(int, Abort, (MPI_Comm comm, int errorcode))
{
    uint64_t fs;
    int rc;

    fflush(NULL);
    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Abort)(CR_REAL_COMM(comm), errorcode);
    cr_lower_leave(fs);
    cr_gate_leave();
    return rc;
}

static double clock_read(void)
{
    uint64_t fs = cr_lower_enter();
    double now = CR_REAL(Wtime)();

    cr_lower_leave(fs);
    return now + clock_offset;
}

CR_MPI(double, Wtime, (void))
{
    double now;

    cr_gate_enter();
    now = clock_read();
    cr_gate_leave();
    return now;
}

void cr_wtime_hold(void)
{
    clock_held = clock_read();
}

void cr_wtime_continue(void)
{
    clock_offset = 0;
    clock_offset = clock_held - clock_read();
}

CR_MPI(int, Pcontrol, (const int level, ...))
{
    (void)level;
    return MPI_SUCCESS;
}

/* Memory of the lower half is not saved, so it never becomes the application's. */
CR_MPI(int, Alloc_mem, (MPI_Aint size, MPI_Info info, void *baseptr))
{
    void *memory = NULL;

    (void)info;
    if (size < 0 || baseptr == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, "MPI_Alloc_mem");
    if (size > 0 && posix_memalign(&memory, 64, (size_t)size) != 0)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_NO_MEM, "MPI_Alloc_mem");
    *(void **)baseptr = memory;
    return MPI_SUCCESS;
}

CR_MPI(int, Free_mem, (void *base))
{
    free(base);
    return MPI_SUCCESS;
}
