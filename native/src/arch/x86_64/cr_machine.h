/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the image and checksum code has to know about this architecture. */
#ifndef CR_MACHINE_H
#define CR_MACHINE_H

#include "cr_syscall.h"

#include <cpuid.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define CR_MACHINE_ELF 62 /* EM_X86_64 */

/* 1 if the CPU has the crc32 instruction (SSE4.2). */
static inline int cr_machine_has_crc32c(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) != 0;
}

/* CRC-32C by instruction; CRC is the inverted running value. Only where cr_machine_has_crc32c(). */
static inline uint32_t cr_machine_crc32c(uint32_t crc, const uint8_t *at, size_t size)
{
    uint64_t wide = crc;
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        __asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, at++)
        __asm__("crc32b %1, %0" : "+r"(crc) : "rm"(*at));
    return crc;
}

/*
 * clone() into START(ARGUMENT) on the stack that ends at STACK_TOP (16-byte aligned). The new
 * thread keeps the TLS of this one, so START must be frozen code; it ends when START returns, and
 * the kernel then clears and wakes *TID (FLAGS with CLONE_CHILD_CLEARTID). Returns its tid or
 * -errno.
 */
static inline long cr_machine_clone(uint64_t flags, void *stack_top, volatile uint32_t *tid,
                                    void (*start)(void *), void *argument)
{
    uint64_t *stack = (uint64_t *)stack_top - 2;
    long result;
    register volatile uint32_t *r10 __asm__("r10") = tid;
    register long r8 __asm__("r8") = 0;

    stack[0] = (uint64_t)argument;
    stack[1] = (uint64_t)start;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rdi\n\t"
                     "pop %%rax\n\t"
                     "call *%%rax\n\t"
                     "mov %[exit], %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"(flags), "S"(stack), "d"(tid), "r"(r10),
                       "r"(r8), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
}

#endif
