/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Saving the point at which a thread parks. */
#ifndef CR_CONTEXT_H
#define CR_CONTEXT_H

struct cr_context;

/*
 * Stores the callee-saved registers, the stack and the return address. Returns 0 when called, and a second time, 1, in
 * the restored process when the restorer jumps to the saved context. The caller's frame must still be live then.
 */
__attribute__((returns_twice)) int cr_context_save(struct cr_context *context);

#endif
