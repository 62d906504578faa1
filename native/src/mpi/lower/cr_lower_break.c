/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_break.h"

#include "cr_lower.h"
#include "cr_lower_ranges.h"
#include "cr_state_memory.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>

#define GUARD (1UL << 20)

static uint64_t kernels_break(void)
{
    return (uint64_t)cr_sys(SYS_brk, 0);
}

/* Occupies what the break would grow into from AT on. */
static int guard(uint64_t at, struct cr_error *err)
{
    uint64_t got =
        cr_sys_mmap(at, GUARD, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (got != at)
        return cr_fail(err, ENOMEM, "reserving the address %lx behind the program break", at);
    cr_lower_ranges_add(at, at + GUARD);
    return 0;
}

static int fix(struct cr_error *err)
{
    uint64_t *variable = dlsym(RTLD_DEFAULT, "__curbrk");
    struct cr_error why = {0};
    int rc = guard(CR_LOWER_BREAK_ADDRESS, err);

    if (rc < 0)
        return rc;
    if (variable == NULL || cr_memory_move_break(CR_LOWER_BREAK_ADDRESS, &why) < 0)
        return guard(CR_PAGE_UP(kernels_break()), err);
    *(volatile uint64_t *)variable = kernels_break();
    return 0;
}

int cr_lower_break_fix(struct cr_error *err)
{
    int rc = fix(err);

    cr_lower->brk = kernels_break();
    return rc;
}
