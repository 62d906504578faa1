/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that was sealed (mseal) stays sealed. */
#include "memory.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

int main(int argc, char **argv)
{
    char *sealed;

    sc_init(argc, argv, "sealed memory stays sealed");
    sealed = mem_private(8 * PAGE);
    mem_fill(sealed, 8 * PAGE, 1);
    mprotect(sealed, 8 * PAGE, PROT_READ);
    if (syscall(SYS_mseal, sealed, 8 * PAGE, 0) != 0)
        sc_skip("this kernel has no mseal()");
    sc_ready();
    sc_wait();
    mem_check("sealed", sealed, 8 * PAGE, 1);
    if (mprotect(sealed, PAGE, PROT_READ | PROT_WRITE) == 0 || errno != EPERM)
        sc_fail("the seal is gone: mprotect() is permitted");
    if (munmap(sealed, PAGE) == 0)
        sc_fail("the seal is gone: munmap() is permitted");
    sc_pass();
}
