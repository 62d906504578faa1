/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Planted violation: restorer code with thread-local storage and a call into libc. */
#include <string.h>

static _Thread_local int calls;

void _start(void);

void _start(void)
{
    calls += (int)strlen("libc");
}
