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
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

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

/* Plain memory of the application: it comes back with the image, whatever file a later installation
 * has. */
static uint64_t copy_of(const struct cr_lower_elf *elf, struct cr_error *err)
{
    uint64_t size = elf->end - elf->start;
    uint64_t at = cr_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (cr_sys_is_error(at)) {
        cr_fail(err, (int)-at, "no memory for the application's vdso");
        return 0;
    }
    memcpy((void *)at, (const void *)elf->start, size);
    cr_sys_mprotect(at, size, PROT_READ | PROT_EXEC);
    return at;
}

int cr_lower_vdso_load(const char *path, struct cr_error *err)
{
    struct cr_lower_elf elf;
    uint64_t copy;
    int rc = cr_lower_elf_load(path, &elf, err);

    if (rc < 0)
        return rc;
    copy = copy_of(&elf, err);
    cr_sys_munmap(elf.start, elf.end - elf.start);
    if (copy == 0)
        return -err->code;
    cr_lower->fake_vdso_start = copy;
    cr_lower->fake_vdso_end = copy + (elf.end - elf.start);
    return 0;
}

void cr_lower_vdso_found(uint64_t start)
{
    cr_lower->fake_vdso_start = start;
    cr_lower->fake_vdso_end = start != 0 ? start + CR_PAGE : 0;
}
