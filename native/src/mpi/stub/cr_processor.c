/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: usable while threads are parked. Names of processors, which a program may have kept: after
 * a restart on other hosts its user is told that they are not those of now.
 */
#include "cr_object.h"
#include "cr_stub_bind.h"

#include <string.h>

static char held[MPI_MAX_PROCESSOR_NAME + 1];

static void read_name(char *out)
{
    int length = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Get_processor_name)(out, &length);
    cr_lower_leave(fs);
    out[length] = '\0';
}

void cr_processor_hold(void)
{
    read_name(held);
}

int cr_processor_compare(MPI_Comm real, int rank, int size)
{
    char now[MPI_MAX_PROCESSOR_NAME + 1];
    int changed, first, count = 0, lowest = size, rc;
    uint64_t fs;

    read_name(now);
    changed = strcmp(held, now) != 0;
    first = changed ? rank : size;
    fs = cr_lower_enter();
    rc = CR_REAL(Allreduce)(&changed, &count, 1, CR_REAL_DATATYPE(MPI_INT), CR_REAL_OP(MPI_SUM),
                            real);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Allreduce)(&first, &lowest, 1, CR_REAL_DATATYPE(MPI_INT), CR_REAL_OP(MPI_MIN),
                                real);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS && lowest == rank)
        cr_stub_say("quiesce: %d of %d ranks have another processor name than at the checkpoint: "
                    "rank %d ran on %s and is on %s now\n",
                    count, size, rank, held, now);
    return rc;
}
