/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Records what the lower half maps and unmaps, whoever in it asks: the system call
 * instructions themselves are replaced, in the lower half's C library and in its dynamic linker
 * (dlopen has a copy of mmap of its own). The function entries stay as they are, so other libraries
 * may patch those.
 */
#ifndef CR_LOWER_HOOKS_H
#define CR_LOWER_HOOKS_H

#include "cr_error.h"

/* Installs the hooks and tries them. To be called while the process has one thread. */
int cr_lower_hooks_install(struct cr_error *err);

/*
 * From now on what the lower half unmaps from CR_UPPER_END upwards stays reserved, so that the
 * application does not get such an address.
 */
void cr_lower_hooks_keep_filled(void);

/* Called by cr_lower_hooks_enter() in place of the system call NUMBER; returns what the call
 * returned. */
long cr_lower_hooks_call(long number, long a, long b, long c, long d, long e, long f);

/* Where a patched site jumps to: registers as for the system call, %r11 the address to go on at. */
void cr_lower_hooks_enter(void);

#endif
