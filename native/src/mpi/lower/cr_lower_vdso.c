/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_vdso.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_lower_elf.h"
#include "cr_lower_maps.h"
#include "cr_sys.h"

#include <elf.h>
#include <sys/auxv.h>

static int find_vdso(void *ignored, const struct cr_lower_map *map)
{
    (void)ignored;
    if (!cr_str_equal(map->name, "[vdso]"))
        return 0;
    cr_lower->vdso_start = map->start;
    cr_lower->vdso_end = map->end;
    return 1;
}

void cr_lower_vdso_bind(void)
{
    static const char *const names[CR_VDSO_COUNT] = {
        [CR_VDSO_CLOCK_GETTIME] = "__vdso_clock_gettime",
        [CR_VDSO_GETTIMEOFDAY] = "__vdso_gettimeofday",
        [CR_VDSO_TIME] = "__vdso_time",
        [CR_VDSO_GETCPU] = "__vdso_getcpu",
        [CR_VDSO_CLOCK_GETRES] = "__vdso_clock_getres",
    };
    uint64_t real = getauxval(AT_SYSINFO_EHDR);
    int i;

    cr_lower_maps_walk(find_vdso, NULL);
    for (i = 0; i < CR_VDSO_COUNT; i++)
        cr_lower->vdso[i] = real != 0 ? (void *)cr_lower_elf_symbol(real, names[i]) : NULL;
}

int cr_lower_vdso_load(const char *path, struct cr_error *err)
{
    struct cr_lower_elf elf;
    int rc = cr_lower_elf_load(path, &elf, err);

    if (rc < 0)
        return rc;
    cr_lower->fake_vdso_start = elf.start;
    cr_lower->fake_vdso_end = elf.end;
    return 0;
}

void cr_lower_vdso_found(uint64_t start)
{
    cr_lower->fake_vdso_start = start;
    cr_lower->fake_vdso_end = start != 0 ? start + CR_PAGE : 0;
}
