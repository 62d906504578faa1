/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the files behind quiesce_mpi.h share. */
#ifndef CR_MPI_EXT_H
#define CR_MPI_EXT_H

#include "cr_rank.h"
#include "quiesce_mpi.h"

#define CR_EXPORT __attribute__((visibility("default")))

/* The functions of libcr.so in this process; NULL where it does not run under Quiesce. */
struct cr_mpi_ext_rank {
    int (*is_one)(void);
    int (*may_ask)(struct cr_error *err);
    int (*checkpoint)(struct cr_rank_checkpoint *ret, struct cr_error *err);
    int (*register_inc)(unsigned event, cr_voice_inc function, cr_voice_inc *ret_before,
                        struct cr_error *err);
    int (*register_self)(int which, void (*function)(void), struct cr_error *err);
};

/* NULL, with the reason in ERR, outside of Quiesce or of MPI_Init and MPI_Finalize. */
const struct cr_mpi_ext_rank *cr_mpi_ext_rank(struct cr_error *err);

/* An error code of CLASS whose text is that of ERR. */
int cr_mpi_ext_code(int class, const struct cr_error *err);

#endif
