/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_stack.h"

#include "cr_lower_conditions.h"
#include "cr_sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define STACK_LEAST (1UL << 20)      /* beside arguments and environment */
#define STACK_UNLIMITED (16UL << 30) /* no memory until it is touched */
#define AUXV_MAX 32
#define RANDOM_SIZE 16

/* Cursors into the new stack: strings go down from the top, vectors up from the pointer. */
struct builder {
    char *strings;
    uint64_t *words;
};

static uint64_t wanted_size(uint64_t arguments)
{
    struct rlimit limit;
    uint64_t size = STACK_UNLIMITED;

    if (!cr_lower_conditions_unlimited_stack() && getrlimit(RLIMIT_STACK, &limit) == 0 &&
        limit.rlim_cur < size)
        size = CR_PAGE_UP(limit.rlim_cur);
    if (size < arguments + STACK_LEAST)
        size = CR_PAGE_UP(arguments + STACK_LEAST);
    return size;
}

/* Returns the lowest usable address, or an error. Where memory is strictly accounted, a huge stack
 * may be too much. */
static uint64_t map_stack(uint64_t arguments, uint64_t *ret_size)
{
    uint64_t size = wanted_size(arguments), at;

    for (;;) {
        at = cr_sys_mmap(0, size + CR_PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (!cr_sys_is_error(at) || size / 4 < arguments + STACK_LEAST)
            break;
        size = CR_PAGE_UP(size / 4);
    }
    if (cr_sys_is_error(at))
        return at;
    cr_sys_mprotect(at, CR_PAGE, PROT_NONE);
    *ret_size = size;
    return at + CR_PAGE;
}

static size_t count_words(char *const *list, uint64_t *bytes)
{
    size_t count;

    for (count = 0; list[count] != NULL; count++)
        *bytes += strlen(list[count]) + 1;
    return count + 1;
}

static uint64_t push_bytes(struct builder *b, const void *bytes, size_t size)
{
    b->strings -= size;
    memcpy(b->strings, bytes, size);
    return (uint64_t)b->strings;
}

static void push_list(struct builder *b, char *const *list)
{
    size_t i;

    for (i = 0; list[i] != NULL; i++)
        *b->words++ = push_bytes(b, list[i], strlen(list[i]) + 1);
    *b->words++ = 0;
}

static void push_aux(struct builder *b, uint64_t type, uint64_t value)
{
    *b->words++ = type;
    *b->words++ = value;
}

/* Entries that the kernel gave to us and that hold for the application as well. */
static void copy_aux(struct builder *b)
{
    static const unsigned types[] = {AT_HWCAP,
                                     AT_HWCAP2,
                                     AT_PAGESZ,
                                     AT_CLKTCK,
                                     AT_UID,
                                     AT_EUID,
                                     AT_GID,
                                     AT_EGID,
                                     27 /* AT_RSEQ_FEATURE_SIZE */,
                                     28 /* AT_RSEQ_ALIGN */,
                                     51 /* AT_MINSIGSTKSZ */};
    size_t i;

    for (i = 0; i < sizeof types / sizeof *types; i++) {
        uint64_t value;
        errno = 0;
        value = getauxval(types[i]);
        if (errno == 0)
            push_aux(b, types[i], value);
    }
}

static void push_auxv(struct builder *b, const struct cr_lower_elf *linker, uint64_t fake_vdso,
                      uint64_t random, uint64_t name)
{
    copy_aux(b);
    push_aux(b, AT_PHDR, linker->headers);
    push_aux(b, AT_PHENT, linker->header_size);
    push_aux(b, AT_PHNUM, linker->header_count);
    push_aux(b, AT_BASE, 0);
    push_aux(b, AT_FLAGS, 0);
    push_aux(b, AT_ENTRY, linker->entry);
    push_aux(b, AT_SECURE, 0);
    push_aux(b, AT_RANDOM, random);
    push_aux(b, AT_PLATFORM, push_bytes(b, "x86_64", sizeof "x86_64"));
    push_aux(b, AT_EXECFN, name);
    if (fake_vdso != 0)
        push_aux(b, AT_SYSINFO_EHDR, fake_vdso);
    push_aux(b, AT_NULL, 0);
}

int cr_lower_stack_make(char *const *argv, char *const *environment,
                        const struct cr_lower_elf *linker, uint64_t fake_vdso,
                        struct cr_lower_stack *ret_stack, struct cr_error *err)
{
    uint64_t bytes = 256, size, low, random, name;
    size_t argument_words = count_words(argv, &bytes);
    size_t words = argument_words + count_words(environment, &bytes) + 1 + 2 * AUXV_MAX;
    unsigned char seed[RANDOM_SIZE];
    struct builder b;

    bytes += words * sizeof(uint64_t);
    low = map_stack(bytes, &size);
    if (cr_sys_is_error(low))
        return cr_fail(err, (int)-low, "no memory for the application's stack");
    if (cr_sys(SYS_getrandom, seed, sizeof seed, 0) != sizeof seed)
        return cr_fail(err, CR_EKERNEL, "the kernel gave no random bytes");
    b.strings = (char *)low + size;
    random = push_bytes(&b, seed, sizeof seed);
    name = push_bytes(&b, argv[0], strlen(argv[0]) + 1);
    ret_stack->pointer = (low + size - CR_PAGE_UP(bytes)) & ~15UL;
    b.words = (uint64_t *)ret_stack->pointer;
    *b.words++ = argument_words - 1;
    push_list(&b, argv);
    push_list(&b, environment);
    push_auxv(&b, linker, fake_vdso, random, name);
    return 0;
}

_Noreturn void cr_lower_stack_enter(const struct cr_lower_stack *stack, uint64_t entry)
{
    /* %rdx = 0: no function for atexit; %rbp = 0 ends backtraces. */
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "xor %%edx, %%edx\n\t"
                     "jmp *%1"
                     :
                     : "a"(stack->pointer), "c"(entry)
                     : "memory");
    __builtin_unreachable();
}
