/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The notes that make a core file of an image: debuggers show the backtrace of
 * each thread by them.
 */
#ifndef CR_CORE_NOTES_H
#define CR_CORE_NOTES_H

#include "cr_dump.h"

/*
 * Registers of all threads, the main thread first, and what is known of the process; goes by the
 * areas of D.
 */
int cr_core_notes_add(struct cr_dump *d, struct cr_error *err);

/* What of the host does not change while this process lives on it. Asked once. */
void cr_own_notes_prepare(struct cr_dump *d);

/* Header, Host, Threads and Rank into D->notes. */
int cr_own_notes_collect(struct cr_dump *d, struct cr_error *err);

#endif
