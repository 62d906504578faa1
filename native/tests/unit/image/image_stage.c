/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A durable image is hashed while it is copied: as it would be from the file, and right even where somebody
 * else writes to the memory meanwhile. What goes wrong on the way to the disk afterwards is found.
 */
#include "image_sample.h"

#include "cr_fault.h"
#include "tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL

static uint8_t *memory;
static _Atomic uint64_t written;
static _Atomic int writing = 1;

static int write_image(const char *path, size_t size, struct cr_image_record *record)
{
    const struct cr_run run = {(uint64_t)memory, size, PROT_READ | PROT_WRITE, CR_RUN_MEMORY};
    const struct cr_image_options options = {.durable = 1};
    struct cr_error err = {0};
    int rc = sample_write_runs(&run, 1, path, &options, record, &err);

    if (rc < 0)
        printf("# %s\n", err.text);
    return rc;
}

/* What cr_image_open() and cr_image_verify() say. */
static int verify(const char *path)
{
    struct cr_image_reader r;
    struct cr_error err = {0};
    struct cr_arena arena;
    int rc;

    cr_arena_create(&arena, 32UL << 20);
    rc = cr_image_open(&arena, path, &r, &err);
    if (rc == 0) {
        rc = cr_image_verify(&r, &err);
        cr_image_close(&r);
    }
    cr_arena_destroy(&arena);
    return rc;
}

/* Sizes around those of a piece and of what all workers copy through together. */
static void check_sizes(const char *path)
{
    static const size_t pages[] = {1, 255, 256, 257, 511, 512, 1023, 1024, 1025, 1300, 5000};

    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct cr_image_record staged = {0};
        struct cr_image_record read_back = {0};

        printf("# %zu pages\n", pages[i]);
        tap_ok(write_image(path, pages[i] * PAGE, &staged) == 0 && verify(path) == 0, "hashed");
        cr_fault_init("image:stage=fail");
        tap_ok(write_image(path, pages[i] * PAGE, &read_back) == 0 && verify(path) == 0,
               "without memory for that: hashed from the file");
        cr_fault_init(NULL);
        tap_ok(memcmp(&staged, &read_back, sizeof(staged)) == 0, "the same digests");
    }
}

static void *scribble(void *size)
{
    const size_t pages = *(const size_t *)size / PAGE;

    while (writing)
        for (size_t i = 0; i < pages && writing; i++)
            *(_Atomic uint64_t *)(memory + i * PAGE + PAGE / 2) = ++written;
    return NULL;
}

static void check_changing_memory(const char *path, size_t size)
{
    struct cr_image_record record;
    pthread_t thread;
    uint64_t before;
    int wrong = 0;

    pthread_create(&thread, NULL, scribble, &size);
    while (written == 0)
        usleep(100);
    before = written;
    for (int i = 0; i < 8; i++)
        wrong += write_image(path, size, &record) != 0 || verify(path) != 0;
    tap_ok(written != before, "the memory changed meanwhile");
    writing = 0;
    pthread_join(thread, NULL);
    tap_equal_u64((uint64_t)wrong, 0, "the digests are those of what was written");
}

/* A piece that never reached the disk. */
static void check_torn(const char *path, size_t size)
{
    const uint8_t nothing[PAGE] = {0};
    struct cr_image_record record;
    int fd;

    tap_ok(write_image(path, size, &record) == 0 && verify(path) == 0, "the image is whole");
    fd = open(path, O_RDWR | O_CLOEXEC);
    tap_ok(pwrite(fd, nothing, PAGE, lseek(fd, 0, SEEK_END) - (off_t)(2 * PAGE)) == (ssize_t)PAGE,
           "one page of it is lost");
    close(fd);
    tap_ok(verify(path) == -CR_EDAMAGED, "which is found");
}

int main(void)
{
    const char *directory = sample_directory();
    const size_t size = 5000 * PAGE;
    char path[128];

    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)memory)[i] = i * 0x9e3779b97f4a7c15UL;
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    check_sizes(path);
    check_torn(path, size);
    check_changing_memory(path, size);
    unlink(path);
    rmdir(directory);
    return tap_done();
}
