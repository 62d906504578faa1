/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The time slice of a thread: sched_setattr(2), EEVDF's custom slices. */
#include "cr_slice.h"

#include "cr_sys.h"

#include <linux/sched.h>

#define SHORTEST_NS 100000

void cr_slice_shorten(void)
{
    struct cr_scheduling a = {0};

    if (cr_sys(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0 || a.policy != SCHED_NORMAL)
        return;
    a.runtime = SHORTEST_NS;
    cr_sys(SYS_sched_setattr, 0, &a, 0);
}
