/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. More program headers than e_phnum can count: 65,534, 65,535, 70,000 and 200,000 runs of one page. */
#include "image_sample.h"

#include "tap.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL

static uint8_t *memory;
static size_t memory_size;

/* COUNT runs, every second page of the memory, so that no two touch. */
static int write_runs(const char *path, size_t count, struct cr_error *err)
{
    struct cr_image_options options = {0};
    struct cr_image_record record;
    struct cr_image_writer *w = NULL;
    struct cr_arena arena;
    struct cr_run run;
    int rc;

    cr_arena_create(&arena, 64UL << 20);
    rc = cr_image_begin(&arena, path, &options, &w, err);
    if (rc == 0)
        rc = sample_add_header(w, CR_IMAGE_FORMAT, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        run = (struct cr_run){(uint64_t)memory + 2 * i * PAGE, PAGE, PROT_READ, CR_RUN_MEMORY};
        rc = cr_image_add_runs(w, &run, 1, err);
    }
    if (rc == 0)
        rc = cr_image_copy(w, err);
    if (rc == 0)
        rc = cr_image_seal(w, &record, err);
    if (rc < 0)
        cr_image_abort(w);
    cr_arena_destroy(&arena);
    return rc;
}

static int same_contents(const struct cr_image_reader *r, size_t index)
{
    uint8_t page[PAGE];
    const struct cr_stored_run *run = &r->runs[index];

    return run->start == (uint64_t)memory + 2 * index * PAGE &&
           pread(r->fd, page, PAGE, (off_t)run->offset) == (ssize_t)PAGE &&
           memcmp(page, (void *)run->start, PAGE) == 0;
}

/* `readelf -lW` prints one line with LOAD per run and no warning. Returns 1 if so, -1 without readelf. */
static int readelf_agrees(const char *path, size_t count)
{
    char command[512];

    if (system("readelf --version >/dev/null 2>&1") != 0)
        return -1;
    snprintf(command, sizeof(command),
             "test \"$(LC_ALL=C readelf -lW %s 2>&1 | grep -c ' LOAD ')\" = %zu && "
             "! LC_ALL=C readelf -hlnW %s 2>&1 | grep -i -e warning -e error",
             path, count, path);
    return system(command) == 0;
}

static void check(const char *path, size_t count)
{
    struct cr_image_reader r;
    struct cr_error err = {0};
    struct cr_arena arena;
    int agrees;

    printf("# %zu runs\n", count);
    tap_equal_u64(write_runs(path, count, &err), 0, "written");
    cr_arena_create(&arena, 64UL << 20);
    tap_equal_u64(cr_image_open(&arena, path, &r, &err), 0, "opened");
    tap_equal_u64(r.run_count, count, "every run is there");
    tap_ok(same_contents(&r, 0) && same_contents(&r, count / 2) && same_contents(&r, count - 1),
           "first, middle and last run have their contents");
    tap_equal_u64(cr_image_verify(&r, &err), 0, "verified");
    agrees = readelf_agrees(path, count);
    tap_ok(agrees != 0, agrees < 0 ? "# SKIP no readelf here" : "readelf counts the same");
    cr_image_close(&r);
    cr_arena_destroy(&arena);
    unlink(path);
}

int main(void)
{
    static const size_t counts[] = {1, 65533, 65534, 65535, 70000, 200000};
    const char *directory = sample_directory();
    char path[128];

    memory_size = 2 * 200000 * PAGE;
    memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        tap_skip_all("not enough address space");
    for (size_t i = 0; i < 200000; i += 997)
        memcpy(memory + 2 * i * PAGE, &i, sizeof(i));
    memcpy(memory + 2 * 199999 * PAGE, "last", 4);
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        check(path, counts[i]);
    rmdir(directory);
    return tap_done();
}
