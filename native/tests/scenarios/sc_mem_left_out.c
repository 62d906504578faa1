/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left out: advised with MADV_DONTDUMP, given up with MADV_FREE, excluded by the program. It is there after a
 * restart, without its contents; a program that runs on sees nothing. needs: libcr
 */
#include "memory.h"

#include "libcr_ext.h"

static pid_t before;

static void want(const char *what, const char *at, size_t size, unsigned seed, int kept)
{
    static char generation[64];

    snprintf(generation, sizeof(generation), "%s", what);
    if (kept || *(const uint32_t *)at == (seed * 40503U))
        mem_check(generation, at, size, seed);
    else
        mem_check_zero(generation, at, size);
}

int main(int argc, char **argv)
{
    char *dontdump, *freed, *zeroed, *kept, *taken_back, *named, *dropped;
    unsigned char present;
    FILE *restored;

    sc_init(argc, argv, "what is left out is empty and the rest is whole");
    dontdump = mem_private(64 * PAGE);
    freed = mem_private(512 * PAGE);
    zeroed = mem_private(16 * PAGE);
    kept = mem_private(16 * PAGE);
    taken_back = mem_private(16 * PAGE);
    named = mem_map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    dropped = mem_map(24 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    mprotect(dropped + 4 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE);
    mem_fill(dontdump, 64 * PAGE, 1);
    mem_fill(freed, 512 * PAGE, 2);
    mem_fill(zeroed, 16 * PAGE, 3);
    mem_fill(kept, 16 * PAGE, 4);
    mem_fill(taken_back, 16 * PAGE, 5);
    mem_fill(named, 64 * PAGE, 6);
    mem_fill(dropped + 4 * PAGE, 16 * PAGE, 7);
    madvise(dontdump, 64 * PAGE, MADV_DONTDUMP);
    madvise(kept, 16 * PAGE, MADV_DONTDUMP);
    madvise(freed, 512 * PAGE, MADV_FREE);
    before = getpid();
    if (cr_exclude(zeroed + PAGE + 1, 8 * PAGE, CR_POLICY_ZERO) != 0 ||
        cr_exclude(kept, 16 * PAGE, CR_POLICY_KEEP) != 0 ||
        cr_exclude(taken_back, 16 * PAGE, CR_POLICY_ZERO) != 0 ||
        cr_include(taken_back, 16 * PAGE) != 0 ||
        cr_exclude(dropped + 4 * PAGE, 16 * PAGE, CR_POLICY_DROP) != 0 ||
        (cr_capabilities() & CR_CAP_CHECKPOINT) == 0)
        sc_fail("cr_exclude()");
    if (cr_exclude(zeroed, 16 * PAGE, 7) == 0 || cr_exclude_mapping("size>", CR_POLICY_ZERO) == 0)
        sc_fail("nonsense is taken for a policy");
    sc_ready();
    sc_wait();
    want("dontdump", dontdump, 64 * PAGE, 1, 0);
    for (size_t i = 0; i < 512; i++)
        if (*(uint32_t *)(freed + i * PAGE) != 0 &&
            *(uint32_t *)(freed + i * PAGE) != ((uint32_t)(i * PAGE * 2654435761U) ^ (2 * 40503U)))
            sc_fail("memory that was given up has contents that it never had");
    mem_check("before what is excluded", zeroed, 2 * PAGE, 3);
    if (zeroed[2 * PAGE] != 0 &&
        *(uint32_t *)(zeroed + 2 * PAGE) != ((uint32_t)(2 * PAGE * 2654435761U) ^ (3 * 40503U)))
        sc_fail("what is excluded has wrong contents");
    want("kept by the program", kept, 16 * PAGE, 4, 1);
    want("taken back", taken_back, 16 * PAGE, 5, 1);
    want("beside", named, 64 * PAGE, 6, 1);
    restored = fopen("/proc/self/maps", "re");
    if (restored == NULL)
        sc_fail("/proc/self/maps");
    fclose(restored);
    if (mincore(dropped + 4 * PAGE, PAGE, &present) == 0)
        mem_check("dropped", dropped + 4 * PAGE, 16 * PAGE, 7);
    else if (mincore(dropped, PAGE, &present) != 0 ||
             mincore(dropped + 20 * PAGE, PAGE, &present) != 0)
        sc_fail("more was dropped than was said");
    sc_pass();
}
