/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A file that was made before the pause: whatever was reserved, the image is the
 * same one as without; given up, nothing is left.
 */
#include "image_sample.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA (5UL << 20)

static uint8_t *memory;
static int asked;

static int give_up(void *argument)
{
    asked++;
    return argument != NULL;
}

static int write_image(const char *path, const struct cr_image_options *options,
                       struct cr_image_record *record)
{
    const struct cr_run run = {(uint64_t)memory, DATA, PROT_READ | PROT_WRITE, CR_RUN_MEMORY};
    struct cr_error err = {0};

    return sample_write_runs(&run, 1, path, options, record, &err);
}

static uint64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void check_reserved(const char *path, int durable, uint64_t size,
                           const struct cr_image_record *plain)
{
    struct cr_image_ready ready = {-1, 0, NULL};
    struct cr_image_options options = {.durable = durable, .ready = &ready};
    struct cr_image_record record = {0};

    cr_image_make_ready(path, &options, size, &ready);
    tap_ok(ready.fd >= 0, "the file is there before");
    tap_equal_u64(write_image(path, &options, &record), 0, "it becomes the image");
    tap_ok(ready.fd < 0, "the writer has taken it over");
    tap_ok(record.bytes == plain->bytes && record.digest_low == plain->digest_low &&
               record.digest_high == plain->digest_high,
           "the image is the same one as without");
    tap_equal_u64(size_of(path), plain->bytes, "nothing of the reservation is left");
}

static void check_given_up(const char *path, const char *partial)
{
    struct cr_image_ready ready = {-1, 0, NULL};
    struct cr_image_options options = {
        .ready = &ready, .is_cancelled = give_up, .argument = memory};
    struct cr_image_record record = {0};

    cr_image_make_ready(path, &options, DATA, &ready);
    tap_ok(access(partial, F_OK) == 0, "the file is there");
    cr_image_drop_ready(&ready);
    tap_ok(ready.fd < 0 && access(partial, F_OK) < 0, "dropped, it is gone");
    cr_image_drop_ready(&ready);
    asked = 0;
    tap_ok(write_image(path, &options, &record) == -CR_ECANCELLED && asked == 1,
           "a copy that is given up ends after a piece");
    tap_ok(access(partial, F_OK) < 0, "and leaves nothing");
    options.argument = NULL;
    tap_equal_u64(write_image(path, &options, &record), 0, "one that is not given up succeeds");
    cr_image_make_ready("/nonexistent/a.cr", &options, DATA, &ready);
    tap_ok(ready.fd < 0, "a directory that is not there is left to the writer");
}

int main(void)
{
    struct cr_image_options none = {.durable = 0};
    struct cr_image_record plain = {0};
    const char *directory = sample_directory();
    char path[128];
    char partial[160];

    memory = mmap(NULL, DATA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < DATA / sizeof(uint64_t); i++)
        ((uint64_t *)memory)[i] = i * 0x9e3779b97f4a7c15UL;
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    snprintf(partial, sizeof(partial), "%s" CR_PARTIAL_SUFFIX, path);
    tap_equal_u64(write_image(path, &none, &plain), 0, "an image without preparation");
    for (int durable = 0; durable <= 1; durable++) {
        check_reserved(path, durable, 100UL << 20, &plain);
        check_reserved(path, durable, 1UL << 20, &plain);
    }
    check_given_up(path, partial);
    unlink(path);
    rmdir(directory);
    return tap_done();
}
