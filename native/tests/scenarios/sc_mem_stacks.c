/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks grow after a restart as they did before: the main one, and one mapped with MAP_GROWSDOWN, with its guard gap. */
#include "memory.h"

#include <setjmp.h>
#include <signal.h>

#define DEPTH 600 /* pages */
#define ROOM 800  /* pages; less than what other mappings need, which would stand in the way */

static sigjmp_buf back;
static char alternate[65536];

static void caught(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

__attribute__((noinline)) static long dig(int depth)
{
    volatile char room[PAGE];

    memset((char *)room, depth, sizeof(room));
    return depth == 0 ? room[0] : dig(depth - 1) + (room[7] == (char)depth ? 0 : 1000000);
}

static int faults(volatile char *at)
{
    if (sigsetjmp(back, 1) != 0)
        return 1;
    *at = 1;
    return 0;
}

int main(int argc, char **argv)
{
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
    struct sigaction action = {.sa_handler = caught, .sa_flags = SA_ONSTACK};
    char *room, *grown;

    sc_init(argc, argv, "stacks grow after a restart, and keep their guard gap");
    room = mem_map(ROOM * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    mprotect(room, PAGE, PROT_READ);
    munmap(room + PAGE, (ROOM - 2) * PAGE);
    grown = mmap(room + (ROOM - 48) * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    mem_fill(grown, 4 * PAGE, 1);
    for (int page = 1; page <= 64; page++)
        mem_fill(grown - page * PAGE, PAGE, 2);
    sc_ready();
    sc_wait();
    mem_check("grown stack", grown, 4 * PAGE, 1);
    for (int page = 1; page <= 64; page++)
        mem_check("grown stack", grown - page * PAGE, PAGE, 2);
    mem_want_flag("grown stack", grown, "gd");
    for (int page = 65; page <= 400; page++)
        grown[-(long)(page * PAGE)] = 'g';
    if (dig(DEPTH) != 0)
        sc_fail("the main stack has wrong contents after it has grown");
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    /* What lies below is nearer than the gap. */
    if (!faults(room + 8 * PAGE))
        sc_fail("the guard gap of a growing stack is gone");
    sc_pass();
}
