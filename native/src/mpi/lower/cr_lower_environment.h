/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Two environments: the application's, as it was given to this process but for
 * what is between us and mpirun, and the lower half's, which has settings that keep Open MPI and
 * UCX from patching functions and catching signals.
 */
#ifndef CR_LOWER_ENVIRONMENT_H
#define CR_LOWER_ENVIRONMENT_H

#include <stddef.h>

#define CR_LOWER_PRIVATE_PREFIX "QUIESCE_MPIRANK_"
#define CR_LOWER_SAVED_PRELOAD CR_LOWER_PRIVATE_PREFIX "LD_PRELOAD"
#define CR_LOWER_SAVED_AUDIT CR_LOWER_PRIVATE_PREFIX "LD_AUDIT"

/* The application's environment: an array, ended by NULL, allocated for the life of the process;
 * NULL without memory. To be called before cr_lower_environment_set(). */
char **cr_lower_environment_of_application(void);

/* Sets the lower half's own settings. A user's setting wins where it does no harm. */
void cr_lower_environment_set(void);

#endif
