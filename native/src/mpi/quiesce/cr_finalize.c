/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. MPI_Init, MPI_Init_thread and MPI_Finalize. */
#include "cr_finalize.h"

#include "cr_clock.h"
#include "cr_comm.h"
#include "cr_fault.h"
#include "cr_in_library.h"
#include "cr_internal.h"
#include "cr_rank.h"
#include "cr_rank_ops.h"
#include "cr_request.h"

#include <stdlib.h>

#pragma weak cr_rank_register
#pragma weak cr_rank_finalized

static int barrier_begun;
static volatile int barrier_done;
static MPI_Request barrier;

static int begin_barrier(void)
{
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Ibarrier)(cr_internal_finalize, &barrier);

    cr_lower_leave(fs);
    barrier_done = 0;
    barrier_begun = 1;
    return rc;
}

/* Whoever had left the barrier begins it again too: then everybody has begun it, and it ends for all. */
int cr_finalize_rebuild(struct cr_error *err)
{
    if (!barrier_begun || begin_barrier() == MPI_SUCCESS)
        return 0;
    return cr_fail(err, CR_EINTERNAL, "the barrier of MPI_Finalize cannot be begun again");
}

static int wait_barrier(void)
{
    int rc = MPI_SUCCESS;

    while (!barrier_done && rc == MPI_SUCCESS) {
        int done = 0;
        uint64_t fs = cr_lower_enter();

        do
            rc = CR_REAL(Test)(&barrier, &done, MPI_STATUS_IGNORE);
        while (!done && !(cr_gate_word & CR_GATE_STOP) && rc == MPI_SUCCESS);
        cr_lower_leave(fs);
        if (done)
            barrier_done = 1;
        else if (cr_gate_word & CR_GATE_STOP)
            cr_gate_park();
    }
    return rc;
}

/* A round that began before may still stop this rank, save it, and bring it back into another lower half. */
static int leave_job(void)
{
    uint64_t generation;
    int rc;

    do {
        generation = cr_lower->generation;
        rc = wait_barrier();
        cr_gate_leave();
        cr_clock_finalizing();
        if (cr_rank_finalized != NULL)
            cr_rank_finalized();
        cr_gate_enter_as("MPI_Finalize");
    } while (rc == MPI_SUCCESS && generation != cr_lower->generation);
    return rc;
}

CR_MPI(int, Finalize, (void))
{
    int rc;

    cr_gate_enter();
    rc = begin_barrier();
    if (rc == MPI_SUCCESS)
        rc = leave_job();
    if (rc == MPI_SUCCESS)
        rc = cr_stub_finalize();
    cr_gate_leave();
    return rc;
}

/* A job whose ranks cannot be registered runs on: only checkpoints of it will fail. */
static void register_rank(void)
{
    struct cr_error err;

    if (cr_rank_register == NULL)
        return;
    if (cr_rank_register(cr_rank_ops_get(), &err) < 0)
        cr_stub_say("quiesce: rank %d: %s; the job cannot be checkpointed\n", cr_internal_rank,
                    err.text);
}

/* The image's header and crnode read it there. */
static void tell_lower(int level)
{
    cr_lower->rank = cr_internal_rank;
    cr_lower->size = cr_internal_size;
    cr_lower->thread_level = level;
    cr_lower->mpi_initialized = 1;
}

static int init(int *argc, char ***argv, int required, int *ret_provided)
{
    int rc;

    cr_fault_init(getenv("CR_FAULT"));
    cr_gate_enter_as("MPI_Init");
    rc = cr_stub_init(argc, argv, required, ret_provided);
    if (rc == MPI_SUCCESS)
        rc = cr_internal_make();
    if (rc == MPI_SUCCESS) {
        cr_clock_init((uint32_t)cr_internal_rank, (uint32_t)cr_internal_size);
        cr_request_init((uint32_t)cr_internal_size, *ret_provided);
        cr_in_library_init();
        cr_comm_set_clock(MPI_COMM_WORLD);
        cr_comm_set_clock(MPI_COMM_SELF);
        tell_lower(*ret_provided);
    }
    cr_gate_leave();
    if (rc == MPI_SUCCESS)
        register_rank();
    return rc;
}

CR_MPI(int, Init, (int *argc, char ***argv))
{
    int provided;

    return init(argc, argv, -1, &provided);
}

CR_MPI(int, Init_thread, (int *argc, char ***argv, int required, int *provided))
{
    return init(argc, argv, required, provided);
}
