/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What a signal frame says about the code that it interrupted, and changing it. */
#ifndef CR_FRAME_REGISTERS_H
#define CR_FRAME_REGISTERS_H

#include "cr_thread.h"

#include <stddef.h>
#include <sys/procfs.h>
#include <ucontext.h>

/*
 * 1 if the frame shows a system call that the signal ended with EINTR. RET_CALL is then the call:
 * EXPECTED if it is the same one, else what the instructions before it tell. number < 0: the number
 * is not known.
 */
int cr_registers_interrupted(const ucontext_t *frame, const struct cr_call *expected,
                             struct cr_call *ret_call);

/* Makes the frame return to the instruction that makes the system call NUMBER again. */
void cr_registers_rewind(ucontext_t *frame, int64_t number);

/* The number of the system call that the frame returns to make; -1: none. */
int64_t cr_registers_next_call(const ucontext_t *frame);

/* Where the frame keeps argument INDEX (0 to 3) of a system call. */
uint64_t *cr_registers_argument(ucontext_t *frame, int index);

/* Makes a frame that returns to make a system call return behind it. */
void cr_registers_skip(ucontext_t *frame);

/* Makes the frame return behind the system call with RESULT. */
void cr_registers_set_result(ucontext_t *frame, long result);

/*
 * The structure in rbx if the frame was interrupted in cr_continue_call() and the call is not done;
 * else NULL.
 */
struct cr_continue;
struct cr_continue *cr_registers_continuing(const ucontext_t *frame);

/* A call of cr_noted_call() that is done and whose result is not noted yet: notes it. */
void cr_registers_note(const ucontext_t *frame);

/* The stack pointer of the interrupted code, and the mask that the frame gives back. */
uint64_t cr_registers_stack(const ucontext_t *frame);
uint64_t *cr_registers_mask(ucontext_t *frame);

/* General registers for NT_PRSTATUS: of THREAD's frame, or of its saved context if it has none. */
void cr_registers_core(const struct cr_thread *thread, elf_gregset_t *ret_registers);

/*
 * The FXSAVE area in the frame (512 bytes), and the size of the whole XSAVE area (0: none) with its
 * features. NULL: no frame.
 */
const void *cr_registers_floating(const struct cr_thread *thread, size_t *ret_xsave_size,
                                  uint64_t *ret_features);

#endif
