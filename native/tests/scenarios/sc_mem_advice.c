/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What madvise() has said is still said, and large pages are kept where they were asked for. */
#include "memory.h"

#include <sys/wait.h>

#define HUGE (2UL << 20)

struct advised {
    int advice;
    const char *flag;
    char *at;
};

static struct advised all[] = {
    {MADV_DONTFORK, "dc", NULL},   {MADV_WIPEONFORK, "wf", NULL}, {MADV_HUGEPAGE, "hg", NULL},
    {MADV_NOHUGEPAGE, "nh", NULL}, {MADV_MERGEABLE, "mg", NULL},  {MADV_RANDOM, "rr", NULL},
    {MADV_SEQUENTIAL, "sr", NULL}, {MADV_DONTDUMP, "dd", NULL},
};
#define COUNT (sizeof(all) / sizeof(*all))

static void check_children(void)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        unsigned char present;
        if (mincore(all[0].at, PAGE, &present) == 0)
            _exit(1);
        for (size_t i = 0; i < 4 * PAGE; i++) {
            if (all[1].at[i] != 0)
                _exit(2);
        }
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        sc_fail("a child does not see what the advice says (%d)", status);
}

int main(int argc, char **argv)
{
    char text[512] = "";
    char *huge;
    int had_huge;

    sc_init(argc, argv, "advice on memory is kept");
    huge = mem_private(3 * HUGE);
    huge = (char *)(((unsigned long)huge + HUGE - 1) & ~(HUGE - 1));
    madvise(huge, HUGE, MADV_HUGEPAGE);
    mem_fill(huge, HUGE, 7);
    mem_smaps(huge, "AnonHugePages:", text, sizeof(text));
    had_huge = atoi(text) > 0;
    for (size_t i = 0; i < COUNT; i++) {
        all[i].at = mem_map(12 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
        all[i].at += 4 * PAGE;
        mprotect(all[i].at, 4 * PAGE, PROT_READ | PROT_WRITE);
        mem_fill(all[i].at, 4 * PAGE, (unsigned)i);
        if (madvise(all[i].at, 4 * PAGE, all[i].advice) != 0 ||
            !mem_has_flag(all[i].at, all[i].flag))
            all[i].flag = NULL;
    }
    sc_ready();
    sc_wait();
    for (size_t i = 0; i < COUNT; i++) {
        if (all[i].advice != MADV_DONTDUMP)
            mem_check("advised memory", all[i].at, 4 * PAGE, (unsigned)i);
        if (all[i].flag != NULL)
            mem_want_flag("advised memory", all[i].at, all[i].flag);
    }
    mem_check("huge", huge, HUGE, 7);
    mem_want_flag("huge", huge, "hg");
    mem_smaps(huge, "AnonHugePages:", text, sizeof(text));
    if (had_huge && atoi(text) == 0)
        sc_fail("a transparent huge page has become small ones");
    check_children();
    sc_pass();
}
