/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What quiescing keeps with a communicator, beside cr_quiesce.h. */
#ifndef CR_COMM_H
#define CR_COMM_H

#include "cr_mpi.h"

/* Gives COMM its collective clock. For the predefined ones again, once the thread level is known. */
void cr_comm_set_clock(MPI_Comm comm);

#endif
