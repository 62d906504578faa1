/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The restorer's code as data of this program; it runs wherever it is copied to,
 * from its first byte.
 */
#ifndef CR_RESTORER_CODE_H
#define CR_RESTORER_CODE_H

extern const char cr_restorer_code[];
extern const char cr_restorer_code_end[];

/* Takes back what the C library told the kernel about rseq, in the only thread of this process. */
void cr_restore_leave_rseq(void);

#endif
