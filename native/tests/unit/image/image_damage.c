/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Each single bit of an image is guarded: one flipped anywhere gives an error when opening or verifying. */
#include "image_sample.h"

#include "cr_fmt.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cr_arena arena;

/* The code of open and verify together. */
static int check(const char *path)
{
    struct cr_image_reader r;
    struct cr_error err = {0};
    int rc;

    cr_arena_reset(&arena);
    rc = cr_image_open(&arena, path, &r, &err);
    if (rc < 0)
        return rc;
    rc = cr_image_verify(&r, &err);
    cr_image_close(&r);
    return rc;
}

static uint8_t get_byte(int fd, off_t at)
{
    uint8_t byte = 0;

    if (pread(fd, &byte, 1, at) != 1)
        exit(1);
    return byte;
}

static void put_byte(int fd, off_t at, uint8_t byte)
{
    if (pwrite(fd, &byte, 1, at) != 1)
        exit(1);
}

static int is_image_error(int rc)
{
    return rc == -CR_EDAMAGED || rc == -CR_ENOTIMAGE || rc == -CR_EINCOMPLETE ||
           rc == -CR_EIMAGEVERSION;
}

/* Every bit before the page data, and every 61st byte of the page data. */
static void flip_each(const char *path, int fd, off_t size)
{
    uint64_t missed = 0;
    uint64_t flips = 0;

    for (off_t at = 0; at < size; at += at < 4096 ? 1 : 61) {
        uint8_t old = get_byte(fd, at);

        for (int bit = 0; bit < 8; bit++, flips++) {
            put_byte(fd, at, (uint8_t)(old ^ (1U << bit)));
            if (!is_image_error(check(path))) {
                printf("# not noticed: bit %d of byte %ld\n", bit, (long)at);
                missed++;
            }
        }
        put_byte(fd, at, old);
    }
    printf("# %lu bits flipped\n", (unsigned long)flips);
    tap_equal_u64(missed, 0, "every flipped bit is noticed");
    tap_equal_u64(check(path), 0, "the repaired image is whole again");
}

/* Many lengths from one byte less down to none. */
static void cut_short(const char *path, off_t size)
{
    off_t cut = size;
    int wrong = 0;

    for (cut = size - 1; cut >= 0; cut -= cut > 4096 ? 977 : 13) {
        if (truncate(path, cut) != 0 || !is_image_error(check(path)))
            wrong++;
    }
    tap_equal_u64(wrong, 0, "every shorter file is refused");
}

static void write_version(const char *path, uint32_t version)
{
    struct cr_image_options options = {0};
    struct cr_image_record record;
    struct cr_image_writer *w;
    struct cr_error err = {0};
    struct cr_arena own;

    cr_arena_create(&own, 4UL << 20);
    if (cr_image_begin(&own, path, &options, &w, &err) < 0 ||
        sample_add_header(w, version, &err) < 0 || cr_image_copy(w, &err) < 0)
        exit(1);
    if (version <= CR_IMAGE_FORMAT) { /* left as it is after the copy: not sealed */
        cr_arena_destroy(&own);
        return;
    }
    if (cr_image_seal(w, &record, &err) < 0)
        exit(1);
    cr_arena_destroy(&own);
}

static void check_codes(const char *path)
{
    char partial[160];
    int fd;

    snprintf(partial, sizeof(partial), "%s%s", path, CR_PARTIAL_SUFFIX);
    write_version(path, CR_IMAGE_FORMAT + 1);
    tap_ok(check(path) == -CR_EIMAGEVERSION, "a newer format is refused as such");
    write_version(path, CR_IMAGE_FORMAT);
    tap_ok(check(partial) == -CR_EINCOMPLETE, "an image that was not sealed is incomplete");
    unlink(partial);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    tap_ok(check(path) == -CR_ENOTIMAGE, "an empty file is no image");
    tap_ok(write(fd, "#!/bin/sh\n", 10) == 10 && check(path) == -CR_ENOTIMAGE, "nor is a script");
    close(fd);
    tap_ok(check("/bin/true") == -CR_ENOTIMAGE, "nor a program");
    tap_ok(check("/tmp") == -CR_ENOTIMAGE, "nor a directory");
    tap_ok(check("/nonexistent/x") == -2, "a missing file gives ENOENT");
}

int main(void)
{
    const char *directory = sample_directory();
    struct cr_image_record record;
    struct cr_error err = {0};
    char path[128];
    struct sample s;
    int fd;

    cr_arena_create(&arena, 4UL << 20);
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    sample_create(&s);
    if (sample_write(&s, path, 0, &record, &err) < 0) {
        printf("# %s\n", err.text);
        return 1;
    }
    fd = open(path, O_RDWR);
    flip_each(path, fd, (off_t)record.bytes);
    put_byte(fd, (off_t)record.bytes, 0);
    tap_ok(check(path) == -CR_EDAMAGED, "a byte behind the end is noticed");
    cut_short(path, (off_t)record.bytes);
    close(fd);
    check_codes(path);
    unlink(path);
    rmdir(directory);
    sample_destroy(&s);
    return tap_done();
}
