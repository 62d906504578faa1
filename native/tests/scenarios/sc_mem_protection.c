/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Contents under every protection: none at all, read only, execute only as the kernel shows it. */
#include "memory.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;

static void caught(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static int faults(volatile char *at, int write)
{
    if (sigsetjmp(back, 1) != 0)
        return 1;
    if (write)
        *at = 1;
    else
        (void)*at;
    return 0;
}

int main(int argc, char **argv)
{
    char *none, *shared_none, *reader, *empty;

    sc_init(argc, argv, "memory without permission keeps contents and protection");
    none = mem_private(8 * PAGE);
    reader = mem_private(8 * PAGE);
    empty = mem_map(8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    shared_none = mem_map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    mem_fill(none, 8 * PAGE, 1);
    mem_fill(reader, 8 * PAGE, 2);
    mem_fill(shared_none, 8 * PAGE, 3);
    mprotect(none, 8 * PAGE, PROT_NONE);
    mprotect(reader, 8 * PAGE, PROT_READ);
    mprotect(shared_none, 8 * PAGE, PROT_NONE);
    sc_ready();
    sc_wait();
    signal(SIGSEGV, caught);
    if (!faults(none, 0) || !faults(empty, 0) || !faults(shared_none, 0) || !faults(reader, 1))
        sc_fail("memory has got a permission that it had not");
    mprotect(none, 8 * PAGE, PROT_READ);
    mprotect(empty, 8 * PAGE, PROT_READ | PROT_WRITE);
    mprotect(shared_none, 8 * PAGE, PROT_READ);
    mem_check("no permission", none, 8 * PAGE, 1);
    mem_check("read only", reader, 8 * PAGE, 2);
    mem_check("shared without permission", shared_none, 8 * PAGE, 3);
    mem_check_zero("never touched", empty, 8 * PAGE);
    sc_pass();
}
