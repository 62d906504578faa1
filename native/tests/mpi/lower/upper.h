/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the upper half that calls lower-half functions without the stub: switches the FS
 * base by the system call, which every CPU can. To be compiled without stack protector.
 */
#ifndef UPPER_H
#define UPPER_H

#include "cr_lower.h"

#include <asm/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static inline long upper_prctl(long code, uint64_t value)
{
    long rc;

    __asm__ volatile("syscall"
                     : "=a"(rc)
                     : "a"((long)SYS_arch_prctl), "D"(code), "S"(value)
                     : "rcx", "r11", "memory");
    return rc;
}

/* Read once: the compiler takes __builtin_thread_pointer() for a constant and may read it again. */
static inline uint64_t upper_own_fs(void)
{
    uint64_t fs;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(fs));
    return fs;
}

typedef long (*upper_fn)(long, long, long, long);

/* Calls FN with the TCB of SHADOW. */
__attribute__((noinline)) static long upper_call(const struct cr_shadow *shadow, void *fn, long a,
                                                 long b, long c, long d)
{
    uint64_t own = upper_own_fs();
    uint64_t borrowed = shadow->fs;
    long rc;

    *shadow->upper_fs = own;
    upper_prctl(ARCH_SET_FS, borrowed);
    rc = ((upper_fn)fn)(a, b, c, d);
    upper_prctl(ARCH_SET_FS, own);
    return rc;
}

/* The lower half's function or object NAME; NULL if it has none. Main thread only. */
static inline void *upper_resolve(const char *name)
{
    const char *names[1] = {name};
    void *found[1] = {NULL};

    upper_call(&cr_lower->main, (void *)cr_lower->resolve, (long)names, 1, (long)found, 0);
    return found[0];
}

/* The first free address from CR_UPPER_END up to the kernel's stack; 0: there is none. */
static inline uint64_t upper_first_gap(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    uint64_t start, end, previous = CR_UPPER_END, gap = 0;
    char line[4400];

    while (f != NULL && gap == 0 && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%lx-%lx", &start, &end) != 2 || end <= CR_UPPER_END)
            continue;
        if (strstr(line, "[stack]") != NULL)
            break;
        if (start > previous)
            gap = previous;
        previous = end;
    }
    if (f != NULL)
        fclose(f);
    return gap;
}

#endif
