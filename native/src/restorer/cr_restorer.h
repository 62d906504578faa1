/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: restorer. The entry of the restorer's code, which is copied to where it does not stand
 * in the way.
 */
#ifndef CR_RESTORER_H
#define CR_RESTORER_H

#include "cr_plan.h"

/* ARGUMENT: struct cr_plan. Must be the first function of the restorer's code. */
void cr_restorer_main(void *argument);

#endif
