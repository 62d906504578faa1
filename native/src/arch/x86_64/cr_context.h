/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen and restorer. The point at which a thread parks, and how a new thread gets there.
 */
#ifndef CR_CONTEXT_H
#define CR_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct cr_context;

/*
 * Stores the callee-saved registers, the stack and the return address. Returns 0 when called, and a
 * second time, 1, in the restored process when the restorer jumps to the saved context. The
 * caller's frame must still be live then.
 */
__attribute__((returns_twice)) int cr_context_save(struct cr_context *context);

/* Makes cr_context_save() of CONTEXT return 1, on the stack that it was called on. */
__attribute__((noreturn)) void cr_context_jump(const struct cr_context *context);

/* clone() of a thread that begins with cr_context_jump(CONTEXT). Returns the tid or -errno. */
long cr_context_clone(const struct cr_context *context, uint64_t flags, uint64_t tls);

/* The same by clone3() with ARGS (struct clone_args) of SIZE bytes. */
long cr_context_clone3(const struct cr_context *context, const void *args, size_t size);

/*
 * Calls FUNCTION(ARGUMENT) on the stack that ends at STACK (a multiple of 16). It may not return.
 */
__attribute__((noreturn)) void cr_context_call(void (*function)(void *), uint64_t stack,
                                               void *argument);

/* What a signal action's sa_restorer points to: rt_sigreturn. Never called from C. */
void cr_signal_return(void);

#endif
