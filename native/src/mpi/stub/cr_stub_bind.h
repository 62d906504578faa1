/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Tables that generate.py makes, and binding to a
 * lower half.
 */
#ifndef CR_STUB_BIND_H
#define CR_STUB_BIND_H

#include "cr_handle.h"

#include <signal.h>

/* Names of the functions behind cr_real_functions[], as the real library exports them. */
extern const char *const cr_real_names[];

/*
 * The predefined handles: addresses (of the copies that the executable may hold), names, how many.
 */
extern struct cr_handle *const cr_predefined[];
extern const char *const cr_predefined_names[];
extern const int cr_predefined_count;

/*
 * Points all predefined handles to the objects of the lower half that is there now. Called by
 * cr_stub_attach().
 */
void cr_handle_bind(void *const *real);

/* Makes the real-to-handle table empty (after a restart all real addresses are different). */
void cr_handle_forget_all(void);

/*
 * The lower half's symbol NAME, looked up again after a restart. NULL if there is none. Upper FS.
 */
void *cr_stub_resolve(const char *name);

/* Binds to the lower half if it is another one than before. */
void cr_stub_bind(void);

/* FS base of the calling thread, whichever half it belongs to. */
uint64_t cr_stub_get_fs(void);

/*
 * Enters FUNCTION with FS of the borrower of the shadow whose FS is loaded now: for callbacks from
 * the lower half.
 */
uint64_t cr_stub_callback_enter(void);
void cr_stub_callback_leave(uint64_t lower);

#endif
