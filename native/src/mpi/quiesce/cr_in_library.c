/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal (init) and frozen (look). Whether a thread was stopped inside the C library. */
#include "cr_in_library.h"

#include "cr_sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

enum { MOST = 8 };

static struct {
    uint64_t start, end;
} ranges[MOST];
static int range_count;

static const char *const names[] = {"malloc", "fwrite", "pthread_mutex_lock"};
enum { NAMES = sizeof(names) / sizeof(*names) };

static int is_one(const struct dl_phdr_info *info, uint64_t start, uint64_t end,
                  void *const *functions)
{
    int i;

    for (i = 0; i < NAMES; i++)
        if ((uint64_t)functions[i] >= start && (uint64_t)functions[i] < end)
            return 1;
    return strstr(info->dlpi_name, "/ld-linux") != NULL;
}

/* The executable is left out: what it has of its own cannot be told from its own code. */
static int visit(struct dl_phdr_info *info, size_t size, void *functions)
{
    int i;

    (void)size;
    if (info->dlpi_name[0] == 0)
        return 0;
    for (i = 0; i < info->dlpi_phnum && range_count < MOST; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || !is_one(info, start, end, functions))
            continue;
        ranges[range_count].start = start;
        ranges[range_count++].end = end;
    }
    return 0;
}

void cr_in_library_init(void)
{
    void *functions[NAMES];
    int i;

    for (i = 0; i < NAMES; i++)
        functions[i] = dlsym(RTLD_DEFAULT, names[i]);
    dl_iterate_phdr(visit, functions);
}

static int is_syscall(const unsigned char *code)
{
    return code[0] == 0x0f && code[1] == 0x05;
}

/* Short calls that the library makes with its locks held. Who waits for a lock is not in what it protects. */
static int is_its_own(int64_t number)
{
    switch (number) {
    case SYS_brk:
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_mprotect:
    case SYS_madvise:
    case SYS_write:
    case SYS_writev:
        return 1;
    default:
        return 0;
    }
}

/* Ended by the signal, or to be made again after it. */
static int is_waiting(const ucontext_t *context)
{
    const greg_t *r = context->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)(uintptr_t)r[REG_RIP];

    if (is_syscall(code))
        return !is_its_own(r[REG_RAX]);
    return is_syscall(code - 2) && r[REG_RAX] == -EINTR;
}

int cr_in_library_look(const ucontext_t *context)
{
    uint64_t ip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    int i;

    for (i = 0; i < range_count; i++)
        if (ip >= ranges[i].start + 2 && ip < ranges[i].end)
            return !is_waiting(context);
    return 0;
}
