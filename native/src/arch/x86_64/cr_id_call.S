/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. See cr_id_call.h. */
    .macro LABEL name
    .globl \name
    .hidden \name
\name:
    .endm

    .bss
    .balign 4
LABEL cr_id_epoch
    .skip 4

    .text
    .type cr_id_call_make, @function
LABEL cr_id_call_make
    push %rbx
    mov %rdi, %rbx
LABEL cr_id_call_begin
    mov cr_id_epoch(%rip), %eax
    cmp 56(%rbx), %eax
    jne cr_id_call_stale
    mov 8(%rbx), %rdi
    mov 16(%rbx), %rsi
    mov 24(%rbx), %rdx
    mov 32(%rbx), %r10
    mov 40(%rbx), %r8
    mov (%rbx), %rax
LABEL cr_id_call_made
    syscall
LABEL cr_id_call_answered
    mov %rax, 48(%rbx)
    movl $1, 60(%rbx)
LABEL cr_id_call_noted
    xor %eax, %eax
    pop %rbx
    ret
LABEL cr_id_call_stale
    mov $1, %eax
    pop %rbx
    ret
    .size cr_id_call_make, . - cr_id_call_make

    .section .note.GNU-stack, "", @progbits
