/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Planted violation: frozen code that takes memory from the C library. */
#include <stdlib.h>

void *cr_planted_frozen(void);

void *cr_planted_frozen(void)
{
    return malloc(1);
}
