/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The program break of a rank. Both halves share the kernel's one and must do without: their allocators map
 * memory instead.
 */
#ifndef CR_LOWER_BREAK_H
#define CR_LOWER_BREAK_H

#include "cr_error.h"

/*
 * Fixes the break at CR_LOWER_BREAK_ADDRESS, where it cannot grow, the same address in each process that a rank ever is. A thread may be
 * saved anywhere in sbrk(), with the address of the break in a register: in a process whose break is above that one, brk()
 * would take what the thread asks for as granted. A kernel that cannot move the break leaves it where it is; it cannot grow there
 * either. Sets cr_lower->brk.
 */
int cr_lower_break_fix(struct cr_error *err);

#endif
