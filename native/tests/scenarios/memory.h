/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the scenarios about memory share. */
#ifndef MEMORY_H
#define MEMORY_H

#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096UL

static inline char *mem_map(size_t size, int protection, int flags)
{
    char *at = mmap(NULL, size, protection, flags, -1, 0);

    if (at == MAP_FAILED) {
        perror("mmap");
        exit(98);
    }
    return at;
}

static inline char *mem_private(size_t size)
{
    return mem_map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

/* Fills with what depends on SEED and the place. */
static inline void mem_fill(char *at, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i += sizeof(uint32_t))
        *(uint32_t *)(at + i) = (uint32_t)(i * 2654435761U) ^ (seed * 40503U);
}

static inline void mem_check(const char *what, const char *at, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i += sizeof(uint32_t)) {
        if (*(const uint32_t *)(at + i) != ((uint32_t)(i * 2654435761U) ^ (seed * 40503U)))
            sc_fail("%s: other contents at offset %zu", what, i);
    }
}

static inline void mem_check_zero(const char *what, const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0)
            sc_fail("%s: not zero at offset %zu", what, i);
    }
}

/* The line of smaps with NAME that belongs to the mapping at ADDRESS, into OUT. Returns 0 if there is none. */
static inline int mem_smaps(const void *address, const char *name, char *out, size_t size)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[512];
    int inside = 0;
    int found = 0;

    while (smaps != NULL && !found && fgets(line, sizeof(line), smaps) != NULL) {
        unsigned long start;
        unsigned long end;

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2 && strchr(line, '-') < line + 17)
            inside = start <= (unsigned long)address && (unsigned long)address < end;
        else if (inside && strncmp(line, name, strlen(name)) == 0)
            found = 1;
    }
    if (smaps != NULL)
        fclose(smaps);
    snprintf(out, size, "%s", found ? line + strlen(name) : "");
    return found;
}

static inline int mem_has_flag(const void *address, const char *flag)
{
    char flags[512];
    char word[8];

    if (!mem_smaps(address, "VmFlags:", flags, sizeof(flags)))
        return 0;
    snprintf(word, sizeof(word), " %s", flag);
    return strstr(flags, word) != NULL;
}

static inline void mem_want_flag(const char *what, const void *address, const char *flag)
{
    if (!mem_has_flag(address, flag))
        sc_fail("%s: the mapping has no flag %s any more", what, flag);
}

/* A new file with SIZE bytes of SEED in the scenario's folder, open for reading and writing. */
static inline int mem_file(const char *name, size_t size, unsigned seed, char *path,
                           size_t path_size)
{
    char *bytes = malloc(size);
    int fd;

    snprintf(path, path_size, "%s/%s", sc_directory, name);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    mem_fill(bytes, size, seed);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        sc_fail("cannot write %s", path);
    free(bytes);
    return fd;
}

#endif
