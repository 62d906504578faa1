/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen and restorer. See cr_context.h and cr_continue.h. */
    .text

    .macro FUNCTION name
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    .endm

    .macro END name
    .size \name, .-\name
    .endm

FUNCTION cr_context_save
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 48(%rdi)
    mov (%rsp), %rax
    mov %rax, 56(%rdi)
    xor %eax, %eax
    ret
END cr_context_save

/* long cr_noted_call(number, four arguments, &result): see cr_noted.h. */
FUNCTION cr_noted_call
    push %rbx
    mov %r9, %rbx
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    syscall
    .globl cr_noted_done
    .hidden cr_noted_done
cr_noted_done:
    mov %rax, (%rbx)
    pop %rbx
    ret
END cr_noted_call

FUNCTION cr_context_jump
    mov 0(%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov $1, %eax
    jmp *56(%rdi)
END cr_context_jump

/* clone(flags, stack, NULL, NULL, tls): the child keeps rdx, rsi, rdi and r8 to r10 as they are at the system call. */
FUNCTION cr_context_clone
    push %r12
    mov %rdi, %r12
    mov %rsi, %rdi
    mov 48(%r12), %rsi
    mov %rdx, %r8
    xor %edx, %edx
    xor %r10d, %r10d
    mov $56, %eax
    syscall
    test %rax, %rax
    jz .Lchild
    pop %r12
    ret
END cr_context_clone

FUNCTION cr_context_clone3
    push %r12
    mov %rdi, %r12
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov $435, %eax
    syscall
    test %rax, %rax
    jz .Lchild
    pop %r12
    ret
.Lchild:
    mov %r12, %rdi
    jmp cr_context_jump
END cr_context_clone3

FUNCTION cr_context_call
    mov %rsi, %rsp
    xor %ebp, %ebp
    mov %rdi, %rax
    mov %rdx, %rdi
    call *%rax
    ud2
END cr_context_call

/*
 * The thread unmasks its signals and makes one system call, with rbx on the structure of the caller: a stop that comes in
 * between finds both by the instruction pointer.
 */
FUNCTION cr_continue_call
    push %rbx
    mov %rdi, %rbx
    mov $14, %eax /* rt_sigprocmask(SIG_SETMASK, mask, NULL, 8) */
    mov $2, %edi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    .globl cr_continue_begin
    .hidden cr_continue_begin
cr_continue_begin:
    mov 64(%rbx), %rax
    mov 72(%rbx), %rdi
    mov 80(%rbx), %rsi
    mov 88(%rbx), %rdx
    mov 96(%rbx), %r10
    syscall
    .globl cr_continue_end
    .hidden cr_continue_end
cr_continue_end:
    pop %rbx
    ret
END cr_continue_call

/* The bytes of this function are what unwinders look for behind a signal frame. */
FUNCTION cr_signal_return
    mov $15, %rax
    syscall
END cr_signal_return

    .section .note.GNU-stack, "", @progbits
