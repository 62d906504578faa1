/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: upper half. Looks like the kernel's vdso to the C library and jumps through the table of
 * the info page to the real one, or makes the system call where the table holds 0. Nothing in it
 * changes at restart.
 */
#include "cr_lower.h"

/* The assembler needs the numbers. */
#define TABLE "0x500000000440"
_Static_assert(CR_LOWER_INFO_ADDRESS + CR_LOWER_VDSO_OFFSET == 0x500000000440UL,
               "the table lies where TABLE says");

/* System call numbers of clock_gettime, gettimeofday, time, getcpu, clock_getres (x86-64). */
#define FORWARD(slot, name, number)                                                                \
    __asm__(".text\n"                                                                              \
            ".globl " name "\n"                                                                    \
            ".type " name ", @function\n" name ":\n"                                               \
            "    movabs $" TABLE " + 8 * " #slot ", %rax\n"                                        \
            "    mov (%rax), %rax\n"                                                               \
            "    test %rax, %rax\n"                                                                \
            "    jz 1f\n"                                                                          \
            "    jmp *%rax\n"                                                                      \
            "1:  mov $" #number ", %eax\n"                                                         \
            "    syscall\n"                                                                        \
            "    ret\n"                                                                            \
            ".size " name ", . - " name "\n")

FORWARD(0, "__vdso_clock_gettime", 228);
FORWARD(1, "__vdso_gettimeofday", 96);
FORWARD(2, "__vdso_time", 201);
FORWARD(3, "__vdso_getcpu", 309);
FORWARD(4, "__vdso_clock_getres", 229);
