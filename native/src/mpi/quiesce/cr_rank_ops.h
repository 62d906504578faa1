/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The table of functions that this folder gives to the agent. */
#ifndef CR_RANK_OPS_H
#define CR_RANK_OPS_H

#include "cr_rank.h"

/* Valid for ever; rank and size are those of MPI_COMM_WORLD. After MPI_Init. */
const struct cr_rank_ops *cr_rank_ops_get(void);

#endif
