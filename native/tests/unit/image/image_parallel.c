/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. However many threads write it, and past the page cache or through it: an image of the same memory has
 * the same bytes.
 */
#include "image_sample.h"

#include "tap.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 12000UL

static uint8_t *memory;
static struct cr_run runs[PAGES];
static size_t run_count;

/* Runs of 1 to 700 pages of every source, some touching, some not; always the same ones. */
static void make_runs(void)
{
    uint32_t seed = 42;
    size_t page = 0;

    while (page < PAGES) {
        uint32_t source;
        size_t pages;

        seed = seed * 1664525U + 1013904223U;
        source = (seed >> 28) % 4;
        pages = (seed >> 8) % ((seed >> 30) == 3 ? 700 : 7) + 1;
        pages = pages > PAGES - page ? PAGES - page : pages;
        if (source <= CR_RUN_ZERO)
            runs[run_count++] = (struct cr_run){(uint64_t)memory + page * PAGE, pages * PAGE,
                                                PROT_READ | PROT_WRITE, source};
        page += pages;
    }
}

static int write_image(const char *path, int durable, int writers, struct cr_image_record *record)
{
    struct cr_image_options options = {.durable = durable, .writers = writers};
    struct cr_error err = {0};
    int rc = sample_write_runs(runs, run_count, path, &options, record, &err);

    if (rc < 0)
        printf("# %s\n", err.text);
    return rc;
}

/* Every stored run holds what the memory holds. */
static int same_as_memory(const char *path)
{
    static uint8_t buffer[700 * PAGE];
    struct cr_image_reader r;
    struct cr_error err = {0};
    struct cr_arena arena;
    int same;

    cr_arena_create(&arena, 32UL << 20);
    same = cr_image_open(&arena, path, &r, &err) == 0 && cr_image_verify(&r, &err) == 0;
    for (size_t i = 0; same && i < r.run_count; i++) {
        uint64_t done = 0;

        while (same && done < r.runs[i].size) {
            uint64_t left = r.runs[i].size - done;
            size_t part = left < sizeof(buffer) ? left : sizeof(buffer);

            same = pread(r.fd, buffer, part, (off_t)(r.runs[i].offset + done)) == (ssize_t)part &&
                   memcmp(buffer, (uint8_t *)r.runs[i].start + done, part) == 0;
            done += part;
        }
    }
    cr_image_close(&r);
    cr_arena_destroy(&arena);
    return same;
}

int main(void)
{
    static const int writers[] = {0, 1, 2, 3, 16, 99};
    const char *directory = sample_directory();
    struct cr_image_record buffered = {0};
    struct cr_image_record record = {0};
    char path[128];

    memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < PAGES * PAGE / sizeof(uint64_t); i++)
        ((uint64_t *)memory)[i] = i * 0x9e3779b97f4a7c15UL;
    make_runs();
    printf("# %zu runs\n", run_count);
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    tap_equal_u64(write_image(path, 0, 0, &buffered), 0, "through the page cache");
    tap_ok(same_as_memory(path), "it holds the memory");
    for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++) {
        printf("# %d writers\n", writers[i]);
        tap_equal_u64(write_image(path, 1, writers[i], &record), 0, "durable");
        tap_ok(memcmp(&record, &buffered, sizeof(record)) == 0, "the same bytes");
    }
    tap_ok(same_as_memory(path), "it holds the memory");
    unlink(path);
    rmdir(directory);
    return tap_done();
}
