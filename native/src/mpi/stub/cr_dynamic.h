/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Connections to processes outside of MPI_COMM_WORLD. */
#ifndef CR_DYNAMIC_H
#define CR_DYNAMIC_H

#include "cr_error.h"

/* Around the real call of a function that connects to other processes. NAME: "MPI_Comm_accept". */
void cr_dynamic_begin(const char *name);
void cr_dynamic_end(void);

/*
 * Refuses a checkpoint, by name, because of what this rank has to do with other jobs. May be called
 * while the application runs. 0 or -CR_E....
 */
int cr_dynamic_check(struct cr_error *err);

#endif
