/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_rseq.h"

#include "cr_sys.h"

#include <sys/rseq.h>

/* What glibc registered (it always gives the size of the first version of the structure). */
#define RSEQ_SIZE 32

void cr_lower_rseq_unregister(void)
{
    if (__rseq_size > 0)
        cr_sys(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, RSEQ_SIZE,
               RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}
