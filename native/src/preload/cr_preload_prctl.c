/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A setting that the kernel does not show, so it is noted when it is made. */
#include "cr_preload.h"
#include "cr_state_sandbox.h"

#include <linux/prctl.h>
#include <stdarg.h>

int prctl(int option, ...);

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

CR_WRAPPER int prctl(int option, ...)
{
    unsigned long a[4];
    va_list args;
    int rc;

    va_start(args, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    rc = CR_NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
    if (option == PR_SET_SYSCALL_USER_DISPATCH && rc == 0)
        cr_sandbox_dispatch(a[0] != 0);
    return rc;
}
