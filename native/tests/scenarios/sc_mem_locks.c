/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Locked memory stays locked: by range, on fault, and everything that is mapped in future. */
#include "memory.h"

int main(int argc, char **argv)
{
    char *locked, *on_fault, *none, *later;

    sc_init(argc, argv, "locked memory stays locked");
    locked = mem_private(8 * PAGE);
    on_fault = mem_private(8 * PAGE);
    none = mem_map(8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    mem_fill(locked, 8 * PAGE, 1);
    on_fault[PAGE] = 'f';
    if (mlock(locked, 8 * PAGE) != 0 || mlock2(on_fault, 8 * PAGE, MLOCK_ONFAULT) != 0)
        sc_skip("memory cannot be locked here");
    mlock(none, 8 * PAGE);
    if (mlockall(MCL_FUTURE | MCL_ONFAULT) != 0)
        sc_skip("memory cannot be locked here");
    sc_ready();
    sc_wait();
    mem_check("locked", locked, 8 * PAGE, 1);
    mem_want_flag("locked", locked, "lo");
    mem_want_flag("locked on fault", on_fault, "lo");
    mem_want_flag("locked on fault", on_fault, "lf");
    mem_want_flag("locked without permission", none, "lo");
    if (mem_has_flag(locked, "lf"))
        sc_fail("locked memory is locked on fault only");
    later = mem_private(8 * PAGE);
    mem_want_flag("mapped later", later, "lo");
    mem_want_flag("mapped later", later, "lf");
    sc_pass();
}
