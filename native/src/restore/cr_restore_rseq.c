/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_restorer_code.h"

#include "cr_sys.h"

#define RSEQ_UNREGISTER 1
#define RSEQ_SIGNATURE 0x53053053U
#define RSEQ_LENGTH 32

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

void cr_restore_leave_rseq(void)
{
    if (&__rseq_size == NULL || __rseq_size == 0)
        return;
    cr_sys(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, RSEQ_LENGTH,
           RSEQ_UNREGISTER, RSEQ_SIGNATURE);
}
