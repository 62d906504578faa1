/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_elf.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HEAD_SIZE 4096

/* The beginning of a file, with all its program headers. */
struct head {
    int fd;
    const char *path;
    union {
        Elf64_Ehdr header;
        char bytes[HEAD_SIZE];
    } u;
};

static const Elf64_Phdr *program_header(const struct head *h, unsigned i)
{
    return (const Elf64_Phdr *)(h->u.bytes + h->u.header.e_phoff) + i;
}

static int read_head(struct head *h, struct cr_error *err)
{
    const Elf64_Ehdr *e = &h->u.header;
    long n;

    h->fd = cr_sys_open(h->path, O_RDONLY | O_CLOEXEC, 0);
    if (h->fd < 0)
        return cr_fail(err, -h->fd, "opening %s", h->path);
    n = cr_sys_pread(h->fd, h->u.bytes, sizeof h->u.bytes, 0);
    if (n < (long)sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
        e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_phentsize != sizeof(Elf64_Phdr) ||
        e->e_phoff > (uint64_t)n ||
        e->e_phoff + (uint64_t)e->e_phnum * sizeof(Elf64_Phdr) > (uint64_t)n) {
        cr_sys_close(h->fd);
        return cr_fail(err, ENOEXEC, "%s is not a 64-bit ELF file", h->path);
    }
    return 0;
}

static void bounds(const struct head *h, uint64_t *ret_low, uint64_t *ret_high)
{
    unsigned i;

    *ret_low = UINT64_MAX;
    *ret_high = 0;
    for (i = 0; i < h->u.header.e_phnum; i++) {
        const Elf64_Phdr *p = program_header(h, i);
        if (p->p_type != PT_LOAD)
            continue;
        if (CR_PAGE_DOWN(p->p_vaddr) < *ret_low)
            *ret_low = CR_PAGE_DOWN(p->p_vaddr);
        if (CR_PAGE_UP(p->p_vaddr + p->p_memsz) > *ret_high)
            *ret_high = CR_PAGE_UP(p->p_vaddr + p->p_memsz);
    }
}

static int protection_of(const Elf64_Phdr *p)
{
    return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
           (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_segment(const struct head *h, const Elf64_Phdr *p, uint64_t base)
{
    uint64_t start = CR_PAGE_DOWN(base + p->p_vaddr);
    uint64_t file_end = base + p->p_vaddr + p->p_filesz;
    uint64_t end = base + p->p_vaddr + p->p_memsz;
    int protection = protection_of(p);
    uint64_t at = start;

    if (p->p_filesz > 0)
        at = cr_sys_mmap(start, CR_PAGE_UP(file_end) - start, protection, MAP_PRIVATE | MAP_FIXED,
                         h->fd, CR_PAGE_DOWN(p->p_offset));
    if (at != start)
        return (int)at;
    if (end > file_end && (p->p_flags & PF_W))
        memset((void *)file_end, 0, CR_PAGE_UP(file_end) - file_end);
    if (CR_PAGE_UP(end) > CR_PAGE_UP(file_end))
        at = cr_sys_mmap(CR_PAGE_UP(file_end), CR_PAGE_UP(end) - CR_PAGE_UP(file_end), protection,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return cr_sys_is_error(at) ? (int)at : 0;
}

static int map_all(const struct head *h, struct cr_lower_elf *elf, struct cr_error *err)
{
    uint64_t low, high;
    unsigned i;

    bounds(h, &low, &high);
    if (low >= high)
        return cr_fail(err, ENOEXEC, "%s has nothing to load", h->path);
    elf->start = cr_sys_mmap(0, high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cr_sys_is_error(elf->start))
        return cr_fail(err, (int)-elf->start, "finding room for %s", h->path);
    elf->end = elf->start + (high - low);
    elf->base = elf->start - low;
    for (i = 0; i < h->u.header.e_phnum; i++) {
        const Elf64_Phdr *p = program_header(h, i);
        int rc = p->p_type == PT_LOAD ? map_segment(h, p, elf->base) : 0;
        if (rc < 0)
            return cr_fail(err, -rc, "mapping %s", h->path);
    }
    return 0;
}

int cr_lower_elf_load(const char *path, struct cr_lower_elf *ret_elf, struct cr_error *err)
{
    struct cr_lower_elf elf;
    struct head h;
    int rc;

    h.path = path;
    rc = read_head(&h, err);
    if (rc < 0)
        return rc;
    rc = map_all(&h, &elf, err);
    cr_sys_close(h.fd);
    if (rc < 0)
        return rc;
    elf.entry = elf.base + h.u.header.e_entry;
    elf.headers = elf.base + h.u.header.e_phoff;
    elf.header_count = h.u.header.e_phnum;
    elf.header_size = h.u.header.e_phentsize;
    *ret_elf = elf;
    return 0;
}

/* --- symbols of a vdso --- */

struct dynamic {
    uint64_t offset; /* added to the file's addresses */
    const Elf64_Sym *symbols;
    const char *strings;
    const uint32_t *hash;
    const uint32_t *gnu_hash;
};

static void read_dynamic(uint64_t base, struct dynamic *d)
{
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)base;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(base + e->e_phoff);
    const Elf64_Dyn *entry = NULL;
    unsigned i;

    memset(d, 0, sizeof *d);
    for (i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
            d->offset = base - p[i].p_vaddr;
    }
    for (i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type == PT_DYNAMIC)
            entry = (const Elf64_Dyn *)(d->offset + p[i].p_vaddr);
    }
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        const void *at = (const void *)(d->offset + entry->d_un.d_ptr);
        if (entry->d_tag == DT_SYMTAB)
            d->symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            d->strings = at;
        else if (entry->d_tag == DT_HASH)
            d->hash = at;
        else if (entry->d_tag == DT_GNU_HASH)
            d->gnu_hash = at;
    }
}

/* The table of symbols does not tell its length; the hash tables do. */
static uint32_t symbol_count(const struct dynamic *d)
{
    const uint32_t *buckets, *chains;
    uint32_t i, last = 0;

    if (d->hash != NULL)
        return d->hash[1];
    if (d->gnu_hash == NULL)
        return 0;
    buckets = d->gnu_hash + 4 + 2 * d->gnu_hash[2];
    chains = buckets + d->gnu_hash[0];
    for (i = 0; i < d->gnu_hash[0]; i++) {
        if (buckets[i] > last)
            last = buckets[i];
    }
    if (last < d->gnu_hash[1])
        return d->gnu_hash[1];
    while (!(chains[last - d->gnu_hash[1]] & 1))
        last++;
    return last + 1;
}

uint64_t cr_lower_elf_symbol(uint64_t base, const char *name)
{
    struct dynamic d;
    uint32_t i, count;

    read_dynamic(base, &d);
    count = d.symbols != NULL && d.strings != NULL ? symbol_count(&d) : 0;
    for (i = 1; i < count; i++) {
        if (d.symbols[i].st_shndx != SHN_UNDEF &&
            cr_str_equal(d.strings + d.symbols[i].st_name, name))
            return d.offset + d.symbols[i].st_value;
    }
    return 0;
}
