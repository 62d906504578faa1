/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Parking: the gate word, whether the stop handler may park the thread that it interrupted, the vdso
 * table, and the way to libcr, without which the stub works too (the symbols are weak).
 */
#ifndef CR_SAFE_POINT_H
#define CR_SAFE_POINT_H

#include "cr_gate.h"

/* Tells the agent that cr_clock_report() would answer differently now. FS: the upper half's. */
void cr_safe_point_report_changed(void);
/* The same where it is enough that the agent hears of it in a few milliseconds. */
void cr_safe_point_report_later(void);

/* Operations of cr_rank_ops. */
void cr_safe_point_stop(void);
void cr_safe_point_go(void);
int cr_safe_point_may_park(const void *ucontext);

#endif
