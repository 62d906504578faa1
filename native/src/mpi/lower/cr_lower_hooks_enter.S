/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Entered by a jump from a patched system call site. It keeps every register but
 * rax, rcx and r11, as the system call would, and stays clear of the 128 bytes below the stack
 * pointer that the interrupted code may use.
 */
    .text
    .globl cr_lower_hooks_enter
    .hidden cr_lower_hooks_enter
    .type cr_lower_hooks_enter, @function
cr_lower_hooks_enter:
    lea -128(%rsp), %rsp
    push %r11
    push %rbp
    mov %rsp, %rbp
    push %rdi
    push %rsi
    push %rdx
    push %r10
    push %r8
    push %r9
    sub $16, %rsp
    and $-16, %rsp
    mov %r9, (%rsp)
    mov %r8, %r9
    mov %r10, %r8
    mov %rdx, %rcx
    mov %rsi, %rdx
    mov %rdi, %rsi
    mov %rax, %rdi
    call cr_lower_hooks_call
    lea -48(%rbp), %rsp
    pop %r9
    pop %r8
    pop %r10
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rbp
    pop %r11
    lea 128(%rsp), %rsp
    jmp *%r11
    .size cr_lower_hooks_enter, . - cr_lower_hooks_enter
    .section .note.GNU-stack, "", @progbits
