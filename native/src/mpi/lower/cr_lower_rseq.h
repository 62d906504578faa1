/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#ifndef CR_LOWER_RSEQ_H
#define CR_LOWER_RSEQ_H

/* Ends the calling thread's registration for restartable sequences, so that the other half's C
 * library can make its own. */
void cr_lower_rseq_unregister(void);

#endif
