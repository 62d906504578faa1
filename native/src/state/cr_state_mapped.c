/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The files behind areas. Areas of one shared object have the same index, so that a restart makes one
 * object of it and both places see each other's writes again. A file that is mapped both private and shared has two.
 */
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#define FILE_BLOCK 64UL
#define FILES_PER_NOTE                                                                             \
    (sizeof(((quiesce_image_MappedFiles *)0)->file) / sizeof(quiesce_image_MappedFile))

static int has_file(const struct cr_area *area)
{
    return area->kind == quiesce_image_AreaKind_AREA_FILE_PRIVATE ||
           area->kind == quiesce_image_AreaKind_AREA_FILE_SHARED ||
           area->kind == quiesce_image_AreaKind_AREA_SHARED;
}

static int same_file(const struct cr_area *a, const struct cr_area *b)
{
    return a->kind == b->kind && a->inode == b->inode && a->device == b->device &&
           cr_str_equal(a->name, b->name);
}

/* Numbers the files from 1 and lists, for each, its first area. The list grows at the end of the arena. */
static int number_files(struct cr_arena *arena, struct cr_memory *memory, const uint32_t *firsts,
                        size_t *ret_count)
{
    uint32_t *list = (uint32_t *)firsts;
    size_t count = 0;

    for (size_t i = 0; i < memory->area_count; i++) {
        struct cr_area *area = &memory->areas[i];
        size_t file = 0;

        if (!has_file(area))
            continue;
        while (file < count && !same_file(area, &memory->areas[list[file]]))
            file++;
        if (file == count) {
            if (count % FILE_BLOCK == 0 &&
                cr_arena_alloc(arena, FILE_BLOCK * sizeof(*list)) == NULL)
                return -ENOMEM;
            list[count++] = (uint32_t)i;
        }
        area->file = (uint32_t)file + 1;
    }
    *ret_count = count;
    return 0;
}

/* A shared object without a path is as large as what is mapped of it, if the kernel does not let us ask. */
static uint64_t shared_size(const struct cr_memory *memory, uint32_t file)
{
    uint64_t size = 0;
    struct stat st;
    char path[64];

    for (size_t i = 0; i < memory->area_count; i++) {
        const struct cr_area *area = &memory->areas[i];
        uint64_t end = area->offset + (area->end - area->start);

        if (area->file != file)
            continue;
        cr_fmt(path, sizeof(path), "/proc/self/map_files/%lx-%lx", area->start, area->end);
        if (cr_sys_stat(path, &st) == 0)
            return (uint64_t)st.st_size;
        if (end > size)
            size = end;
    }
    return size;
}

static void describe_segment(const struct cr_area *area, quiesce_image_MappedFile *file)
{
    struct shmid_ds status;

    file->sysv = (uint32_t)area->inode + 1;
    if (cr_sys(SYS_shmctl, area->inode, IPC_STAT, &status) == 0)
        file->size = CR_PAGE_UP(status.shm_segsz);
}

static int describe_object(const struct cr_memory *memory, const struct cr_area *area,
                           quiesce_image_MappedFile *file)
{
    size_t length = cr_str_copy(file->path, sizeof(file->path), area->name);
    size_t suffix = sizeof(CR_DELETED_SUFFIX) - 1;

    if (cr_str_ends(file->path, CR_DELETED_SUFFIX))
        file->path[length - suffix] = '\0';
    file->deleted = true;
    file->size = shared_size(memory, area->file);
    if (cr_str_starts(area->name, "/SYSV"))
        describe_segment(area, file);
    file->device = area->device;
    file->inode = area->inode;
    return 0;
}

/* The header in memory is what the process runs; the file is asked only where the header is not mapped. */
static void find_build_id(const struct cr_memory *memory, const struct cr_area *first, int mem,
                          quiesce_image_MappedFile *file)
{
    size_t capacity = sizeof(file->build_id.bytes);
    int fd;

    for (size_t i = 0; i < memory->area_count; i++) {
        const struct cr_area *area = &memory->areas[i];

        if (area->file == first->file && area->offset == 0) {
            file->build_id.size = (pb_size_t)cr_mapped_known_build_id(
                mem, area->start, file, file->build_id.bytes, capacity);
            return;
        }
    }
    fd = cr_sys_open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    file->build_id.size = (pb_size_t)cr_mapped_build_id(fd, 0, file->build_id.bytes, capacity);
    cr_sys_close(fd);
}

/* Goes over the areas again as long as one of them begins where the others end: they are in any order. */
static bool is_wholly_mapped(const struct cr_memory *memory, uint32_t file, uint64_t size)
{
    uint64_t mapped = 0;
    int found = 1;

    while (mapped < size && found) {
        found = 0;
        for (size_t i = 0; i < memory->area_count; i++) {
            const struct cr_area *area = &memory->areas[i];
            uint64_t end = area->offset + (area->end - area->start);

            if (area->file != file || area->offset > mapped || end <= mapped)
                continue;
            mapped = end;
            found = 1;
        }
    }
    return mapped >= size;
}

static int describe_file(const struct cr_memory *memory, const struct cr_area *area, int mem,
                         quiesce_image_MappedFile *file, struct cr_error *err)
{
    struct stat st;
    int rc = cr_sys_stat(area->name, &st);

    if (rc < 0)
        return cr_fail(err, -rc, "cannot look at the mapped file %s: %s", area->name,
                       cr_error_words(-rc));
    if (cr_strlen(area->name) >= sizeof(file->path))
        return cr_fail(err, ENAMETOOLONG, "the name of a mapped file is too long: %s", area->name);
    cr_str_copy(file->path, sizeof(file->path), area->name);
    file->size = (uint64_t)st.st_size;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->changed_ns = cr_stat_mtime_ns(&st);
    if (area->contents) {
        file->contents = true;
        file->mode = st.st_mode & 07777;
        file->whole = is_wholly_mapped(memory, area->file, file->size);
    }
    /* A file that is mapped shared may change. */
    if (area->kind == quiesce_image_AreaKind_AREA_FILE_SHARED)
        return 0;
    file->mtime_ns = cr_stat_mtime_ns(&st);
    find_build_id(memory, area, mem, file);
    return 0;
}

static int describe(const struct cr_memory *memory, const struct cr_area *area, int mem,
                    quiesce_image_MappedFile *file, struct cr_error *err)
{
    memset(file, 0, sizeof(*file));
    if (area->kind == quiesce_image_AreaKind_AREA_SHARED)
        return describe_object(memory, area, file);
    return describe_file(memory, area, mem, file, err);
}

static int add_file_notes(struct cr_state *state, const struct cr_memory *memory,
                          const uint32_t *firsts, size_t count, int mem,
                          quiesce_image_MappedFiles *message, struct cr_error *err)
{
    int rc = 0;

    if (message == NULL)
        return cr_fail_memory(err);
    for (size_t done = 0; rc == 0 && done < count; done += message->file_count) {
        message->file_count = 0;
        while (rc == 0 && message->file_count < FILES_PER_NOTE &&
               done + message->file_count < count) {
            rc = describe(memory, &memory->areas[firsts[done + message->file_count]], mem,
                          &message->file[message->file_count], err);
            message->file_count++;
        }
        if (rc == 0)
            rc = cr_state_add(state, quiesce_image_NoteType_NOTE_MAPPED_FILES,
                              quiesce_image_MappedFiles_fields, message, err);
    }
    return rc;
}

/* The contents of a file are stored by its first area, so all of them must know. */
static void spread_contents(struct cr_memory *memory, const uint32_t *firsts)
{
    for (size_t i = 0; i < memory->area_count; i++) {
        const struct cr_area *area = &memory->areas[i];

        if (area->file != 0 && area->contents)
            memory->areas[firsts[area->file - 1]].contents = 1;
    }
    for (size_t i = 0; i < memory->area_count; i++) {
        struct cr_area *area = &memory->areas[i];

        if (area->file != 0 && memory->areas[firsts[area->file - 1]].contents)
            area->contents = 1;
    }
}

static int collect(struct cr_state *state, struct cr_memory *memory, struct cr_arena *arena,
                   struct cr_error *err)
{
    const uint32_t *firsts = (const uint32_t *)arena->base;
    size_t count = 0;
    int mem;
    int rc;

    if (number_files(arena, memory, firsts, &count) < 0)
        return cr_fail_memory(err);
    spread_contents(memory, firsts);
    mem = cr_sys_open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
    if (mem < 0)
        return cr_fail(err, -mem, "cannot open /proc/thread-self/mem: %s", cr_error_words(-mem));
    rc = add_file_notes(state, memory, firsts, count, mem,
                        cr_arena_alloc(arena, sizeof(quiesce_image_MappedFiles)), err);
    cr_sys_close(mem);
    return rc;
}

int cr_mapped_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, memory, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}
