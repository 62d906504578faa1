/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Finds and patches the system call sites (x86-64). */
#include "cr_lower_hooks.h"

#include "cr_lower_maps.h"
#include "cr_lower_ranges.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define SITES_MAX 32
#define SITE_SIZE 7 /* mov $NUMBER, %eax; syscall */
#define ISLAND_SLOT 32

/* The executable segment of a library, and a page near enough for a 32-bit jump. */
struct target {
    uint64_t base; /* where it is loaded */
    uint64_t start, end;
    uint64_t island;
    size_t used;
    unsigned found[SITES_MAX];
};

static const int hooked[] = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_shmat, SYS_shmdt};
#define HOOKED_COUNT (sizeof hooked / sizeof *hooked)

static int take_phdr(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct target *t = argument;
    int i;

    (void)size;
    if (info->dlpi_addr != t->base)
        return 0;
    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        t->start = info->dlpi_addr + p->p_vaddr;
        t->end = t->start + p->p_filesz;
    }
    return 1;
}

struct gap {
    uint64_t near, previous, found;
};

static int take_gap(void *argument, const struct cr_lower_map *map)
{
    struct gap *g = argument;

    /* The last free page before NEAR and the first behind it are both fine; the walk ends behind.
     * */
    if (map->start > g->previous && g->previous != 0) {
        if (map->start <= g->near)
            g->found = map->start - CR_PAGE;
        else if (g->found == 0 || g->previous - g->near < g->near - g->found)
            g->found = g->previous;
    }
    g->previous = map->end;
    return map->start > g->near && g->found != 0;
}

/* Maps the page for the jumps near the code. */
static int make_island(struct target *t, struct cr_error *err)
{
    struct gap g = {t->start, 0, 0};
    uint64_t at;

    cr_lower_maps_walk(take_gap, &g);
    at = cr_sys_mmap(g.found, CR_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (cr_sys_is_error(at) || (int64_t)(at - t->start) != (int32_t)(at - t->start))
        return cr_fail(err, CR_EINTERNAL, "found no free page near the C library");
    cr_lower_ranges_add(at, at + CR_PAGE);
    t->island = at;
    return 0;
}

/* In the island: mov $NUMBER, %eax; movabs $BACK, %r11; movabs $ENTER, %rcx; jmp *%rcx */
static void write_slot(uint8_t *slot, int number, uint64_t back)
{
    uint64_t enter = (uint64_t)cr_lower_hooks_enter;

    slot[0] = 0xb8;
    memcpy(slot + 1, &number, 4);
    memcpy(slot + 5, "\x49\xbb", 2);
    memcpy(slot + 7, &back, 8);
    memcpy(slot + 15, "\x48\xb9", 2);
    memcpy(slot + 17, &enter, 8);
    memcpy(slot + 25, "\xff\xe1", 2);
}

/* jmp SLOT; 2-byte nop */
static void write_jump(uint8_t *site, const uint8_t *slot)
{
    int32_t distance = (int32_t)(slot - (site + 5));

    site[0] = 0xe9;
    memcpy(site + 1, &distance, 4);
    memcpy(site + 5, "\x66\x90", 2);
}

static int is_site(const uint8_t *at, int number)
{
    return at[0] == 0xb8 && memcmp(at + 1, &number, 4) == 0 && at[5] == 0x0f && at[6] == 0x05;
}

static void patch_site(struct target *t, uint8_t *at)
{
    size_t i;

    for (i = 0; i < HOOKED_COUNT; i++) {
        uint8_t *slot = (uint8_t *)t->island + t->used * ISLAND_SLOT;
        if (!is_site(at, hooked[i]) || t->used >= SITES_MAX)
            continue;
        write_slot(slot, hooked[i], (uint64_t)at + SITE_SIZE);
        write_jump(at, slot);
        t->used++;
        t->found[i]++;
        return;
    }
}

static int patch(uint64_t base, const char *name, struct target *t, struct cr_error *err)
{
    uint64_t page, size, at;
    int rc;

    memset(t, 0, sizeof *t);
    t->base = base;
    if (dl_iterate_phdr(take_phdr, t) != 1 || t->start == 0)
        return cr_fail(err, CR_EINTERNAL, "found no code of %s in this process", name);
    rc = make_island(t, err);
    if (rc < 0)
        return rc;
    page = CR_PAGE_DOWN(t->start);
    size = CR_PAGE_UP(t->end) - page;
    rc = cr_sys_mprotect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (rc < 0)
        return cr_fail(err, -rc, "the code of %s could not be made writable", name);
    for (at = t->start; at + SITE_SIZE <= t->end; at++)
        patch_site(t, (uint8_t *)at);
    cr_sys_mprotect(page, size, PROT_READ | PROT_EXEC);
    cr_sys_mprotect(t->island, CR_PAGE, PROT_READ | PROT_EXEC);
    return 0;
}

/* An mmap, a growing mremap and a munmap by the C library have to show in the table. */
static int try_hooks(struct cr_error *err)
{
    uint64_t at, moved;
    int good;
    void *p = mmap(NULL, CR_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    at = (uint64_t)p;
    good = p != MAP_FAILED && cr_lower_ranges_contain(at, at + CR_PAGE);
    p = good ? mremap(p, CR_PAGE, 4 * CR_PAGE, MREMAP_MAYMOVE) : MAP_FAILED;
    moved = (uint64_t)p;
    good = p != MAP_FAILED && cr_lower_ranges_contain(moved, moved + 4 * CR_PAGE);
    good = good && munmap(p, 4 * CR_PAGE) == 0 && !cr_lower_ranges_contain(moved, moved + 1);
    if (!good)
        return cr_fail(
            err, CR_EINTERNAL,
            "this C library is of a build that is not understood (its mmap could not be hooked)");
    return 0;
}

int cr_lower_hooks_install(struct cr_error *err)
{
    struct target libc, linker;
    Dl_info info;
    int rc;

    if (dladdr(dlsym(RTLD_NEXT, "gnu_get_libc_version"), &info) == 0)
        return cr_fail(err, CR_EINTERNAL, "found no C library in this process");
    rc = patch((uint64_t)info.dli_fbase, "the C library", &libc, err);
    if (rc == 0)
        rc = patch(getauxval(AT_BASE), "the dynamic linker", &linker, err);
    if (rc == 0 && linker.found[0] == 0)
        rc = cr_fail(err, CR_EINTERNAL, "this dynamic linker is of a build that is not understood");
    return rc == 0 ? try_hooks(err) : rc;
}
