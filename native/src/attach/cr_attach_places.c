/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The C library of another process: where it lies and where its functions are. */
#include "cr_attach_parts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRAP 0xcc
#define START_STEPS 2000 /* of a millisecond: a busy machine takes long to map what comes first */

/* mov $15, %rax; syscall: the function to which signal handlers return. */
static const uint8_t SIGNAL_RETURN[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

struct library {
    char path[PATH_MAX];
    uint64_t base;
    struct cr_attach_range code;
};

struct elf {
    const uint8_t *bytes;
    size_t size;
};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void add(struct cr_attach_range *list, size_t *count, uint64_t start, uint64_t end)
{
    if (*count < CR_ATTACH_RANGES)
        list[(*count)++] = (struct cr_attach_range){start, end};
}

/* One line of /proc/PID/maps. */
static void take_area(struct cr_attach_places *p, struct library *libc, const char *program,
                      const char *line)
{
    char protection[8] = "";
    char path[PATH_MAX] = "";
    unsigned long start = 0;
    unsigned long end = 0;
    unsigned long offset = 0;
    const char *name;

    if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %4095[^\n]", &start, &end, protection, &offset,
               path) < 5)
        return;
    name = file_name(path);
    if (strncmp(name, "libc.so.6", 9) == 0 || strncmp(name, "libc-2.", 7) == 0) {
        if (offset == 0 && libc->base == 0) {
            libc->base = start;
            snprintf(libc->path, sizeof(libc->path), "%s", path);
        }
        if (protection[2] == 'x')
            libc->code = (struct cr_attach_range){start, end};
    }
    if (protection[2] == 'x' && strncmp(name, "ld-", 3) == 0)
        add(p->loader, &p->loader_count, start, end);
    if (protection[2] == 'x' && strcmp(path, program) == 0)
        add(p->program, &p->program_count, start, end);
}

static int maps_hold(pid_t pid, const char *text)
{
    char line[PATH_MAX + 256];
    char path[64];
    int found = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        found |= strstr(line, text) != NULL;
    if (file != NULL)
        fclose(file);
    return file != NULL ? found : -1;
}

/* The dynamic linker maps the C library within a moment of the program's beginning. */
static int is_starting(pid_t pid)
{
    const struct timespec moment = {0, 1000000};
    int found = 0;

    for (int i = 0; i < START_STEPS && found == 0; i++) {
        nanosleep(&moment, NULL);
        found = maps_hold(pid, "/libc.so.6");
    }
    return found != 0;
}

static int read_maps(pid_t pid, struct cr_attach_places *p, struct library *libc,
                     struct cr_error *err)
{
    char program[PATH_MAX] = "";
    char line[PATH_MAX + 256];
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    if (readlink(path, program, sizeof(program) - 1) < 0)
        return cr_fail(err, errno, "process %d: cannot read %s: %s", pid, path, strerror(errno));
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return cr_fail(err, errno, "process %d: cannot read %s: %s", pid, path, strerror(errno));
    while (fgets(line, sizeof(line), file) != NULL)
        take_area(p, libc, program, line);
    fclose(file);
    if (libc->base == 0 && p->loader_count > 0 && is_starting(pid))
        return cr_fail(err, EAGAIN, "process %d has just begun; try again", pid);
    if (libc->base == 0 || p->loader_count == 0)
        return cr_fail(err, CR_ENOAGENT,
                       "process %d (%s) is statically linked or does not use the GNU C library, so "
                       "no agent can be loaded into it; link it dynamically and start it with "
                       "cr_run",
                       pid, program);
    return 0;
}

/* The file as the process sees it. */
static int map_file(pid_t pid, const char *path, struct elf *ret_elf, struct cr_error *err)
{
    char own[PATH_MAX + 32];
    struct stat st;
    void *at = MAP_FAILED;
    int fd;

    snprintf(own, sizeof(own), "/proc/%d/root%s", pid, path);
    fd = open(own, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(Elf64_Ehdr))
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return cr_fail(
            err, CR_ENOAGENT,
            "process %d: cannot read its C library %s (was it replaced by a newer one?); "
            "start the program anew with cr_run",
            pid, path);
    *ret_elf = (struct elf){at, (size_t)st.st_size};
    return 0;
}

static int is_inside(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset;
}

/* The section of TYPE, or NULL. */
static const Elf64_Shdr *find_section(const struct elf *elf, uint32_t type)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)elf->bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(elf->bytes + header->e_shoff);

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_machine != EM_X86_64 ||
        !is_inside(elf, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr)))
        return NULL;
    for (int i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == type &&
            is_inside(elf, sections[i].sh_offset, sections[i].sh_size))
            return &sections[i];
    return NULL;
}

/* The value of the exported symbol NAME; 0: none. */
static uint64_t find_symbol(const struct elf *elf, const char *name)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)elf->bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(elf->bytes + header->e_shoff);
    const Elf64_Shdr *table = find_section(elf, SHT_DYNSYM);
    const Elf64_Sym *symbols;
    const Elf64_Shdr *names;

    if (table == NULL || table->sh_link >= header->e_shnum)
        return 0;
    names = &sections[table->sh_link];
    if (!is_inside(elf, names->sh_offset, names->sh_size))
        return 0;
    symbols = (const Elf64_Sym *)(elf->bytes + table->sh_offset);
    for (size_t i = 0; i < table->sh_size / sizeof(*symbols); i++) {
        if (symbols[i].st_value == 0 || symbols[i].st_name >= names->sh_size)
            continue;
        if (strncmp((const char *)elf->bytes + names->sh_offset + symbols[i].st_name, name,
                    names->sh_size - symbols[i].st_name) == 0)
            return symbols[i].st_value;
    }
    return 0;
}

/* Looks for bytes in the code that is in memory. */
static void search_code(int memory, const struct library *libc, struct cr_attach_places *p)
{
    size_t size = libc->code.end - libc->code.start;
    uint8_t *code = malloc(size);
    const uint8_t *found;

    if (code == NULL)
        return;
    if (pread(memory, code, size, (off_t)libc->code.start) == (ssize_t)size) {
        found = memchr(code, TRAP, size);
        if (found != NULL)
            p->trap = libc->code.start + (uint64_t)(found - code);
        found = memmem(code, size, SIGNAL_RETURN, sizeof(SIGNAL_RETURN));
        if (found != NULL)
            p->signal_return = libc->code.start + (uint64_t)(found - code);
    }
    free(code);
}

int cr_attach_find_places(pid_t pid, int memory, struct cr_attach_places *p, struct cr_error *err)
{
    static struct library libc;
    struct elf elf;
    int rc;

    memset(p, 0, sizeof(*p));
    memset(&libc, 0, sizeof(libc));
    rc = read_maps(pid, p, &libc, err);
    if (rc == 0)
        rc = map_file(pid, libc.path, &elf, err);
    if (rc < 0)
        return rc;
    p->open_library = find_symbol(&elf, "dlopen");
    p->last_error = find_symbol(&elf, "dlerror");
    p->errno_location = find_symbol(&elf, "__errno_location");
    p->map = find_symbol(&elf, "mmap");
    p->unmap = find_symbol(&elf, "munmap");
    munmap((void *)elf.bytes, elf.size);
    search_code(memory, &libc, p);
    if (p->open_library == 0 || p->last_error == 0 || p->errno_location == 0 || p->map == 0 ||
        p->unmap == 0 || p->trap == 0)
        return cr_fail(
            err, CR_ENOAGENT,
            "process %d: its C library %s has no dlopen() (glibc before 2.34); start the "
            "program with cr_run",
            pid, libc.path);
    p->open_library += libc.base;
    p->last_error += libc.base;
    p->errno_location += libc.base;
    p->map += libc.base;
    p->unmap += libc.base;
    return 0;
}
