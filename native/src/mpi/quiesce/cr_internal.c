/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Communicators of our own. */
#include "cr_internal.h"

#include "cr_sys.h"

MPI_Comm cr_internal_drain;
MPI_Comm cr_internal_finalize;
MPI_Comm cr_internal_sync;
MPI_Comm cr_internal_self;
int cr_internal_rank, cr_internal_size;

static int duplicate(MPI_Comm real, MPI_Comm *ret_real)
{
    int rc = CR_REAL(Comm_dup)(real, ret_real);

    if (rc != MPI_SUCCESS)
        return rc;
    return CR_REAL(Comm_set_errhandler)(*ret_real,
                                        (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));
}

int cr_internal_make(void)
{
    MPI_Comm world = CR_REAL_COMM(MPI_COMM_WORLD), self = CR_REAL_COMM(MPI_COMM_SELF);
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_rank)(world, &cr_internal_rank);

    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Comm_size)(world, &cr_internal_size);
    if (rc == MPI_SUCCESS)
        rc = duplicate(world, &cr_internal_drain);
    if (rc == MPI_SUCCESS)
        rc = duplicate(world, &cr_internal_finalize);
    if (rc == MPI_SUCCESS)
        rc = duplicate(world, &cr_internal_sync);
    if (rc == MPI_SUCCESS)
        rc = duplicate(self, &cr_internal_self);
    cr_lower_leave(fs);
    return rc;
}

enum { NAP_NS = 200000 };

void cr_internal_progress_while(volatile uint32_t *word, uint32_t value)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    while (*word == value) {
        MPI_Status status;
        uint64_t fs = cr_lower_enter();
        int found;

        CR_REAL(Iprobe)(0, 0, cr_internal_self, &found, &status);
        cr_lower_leave(fs);
        cr_sys_futex_wait(word, value, &nap);
    }
}
