/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What is written is what is read. */
#include "image_sample.h"

#include "cr_crc32c.h"
#include "cr_hash.h"
#include "image.pb.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096UL

static void check_runs(const struct sample *s, const struct cr_image_reader *r)
{
    static uint8_t page[2 * PAGE];

    tap_equal_u64(r->run_count, 3, "the zero run has no contents");
    tap_equal_u64(r->runs[0].start, (uint64_t)s->memory, "first address");
    tap_equal_u64(r->runs[0].size, 2 * PAGE, "first size");
    tap_equal_u64(r->runs[2].protection, PROT_NONE, "protection of the unreadable run");
    tap_ok(pread(r->fd, page, 2 * PAGE, (off_t)r->runs[0].offset) == 2 * PAGE &&
               memcmp(page, s->memory, 2 * PAGE) == 0,
           "contents of the first run");
    mprotect(s->memory + 4 * PAGE, PAGE, PROT_READ);
    tap_ok(pread(r->fd, page, PAGE, (off_t)r->runs[2].offset) == PAGE &&
               memcmp(page, s->memory + 4 * PAGE, PAGE) == 0,
           "contents of the unreadable run");
    mprotect(s->memory + 4 * PAGE, PAGE, PROT_NONE);
}

static void check_notes(const struct cr_image_reader *r)
{
    const void *data;
    size_t size;
    size_t at = 0;

    tap_ok(cr_image_next_note(r, quiesce_image_NoteType_NOTE_THREADS, &at, &data, &size) == 1,
           "the note is found");
    tap_ok(size > 0 && ((const uint8_t *)data)[0] == 0x0a, "it is the protobuf message");
    tap_ok(cr_image_next_note(r, quiesce_image_NoteType_NOTE_THREADS, &at, &data, &size) == 0,
           "there is only one");
}

static void check_image(const struct sample *s, const char *path, int durable)
{
    struct cr_image_record written = {0};
    struct cr_image_record read = {0};
    struct cr_image_reader r;
    struct cr_error err = {0};
    struct cr_arena arena;
    struct stat info;

    tap_equal_u64(sample_write(s, path, durable, &written, &err), 0, "the image is written");
    tap_ok(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600, "mode 0600");
    tap_equal_u64((uint64_t)info.st_size, written.bytes, "the record knows the size");
    cr_arena_create(&arena, 4UL << 20);
    tap_equal_u64(cr_image_open(&arena, path, &r, &err), 0, "the image opens");
    cr_image_identify(&r, &read);
    tap_ok(memcmp(&read, &written, sizeof(read)) == 0, "reader and writer agree on its identity");
    check_runs(s, &r);
    check_notes(&r);
    tap_equal_u64(cr_image_verify(&r, &err), 0, "its data verify");
    cr_image_close(&r);
    cr_arena_destroy(&arena);
}

static void check_checksums(void)
{
    static uint8_t data[1000];
    struct cr_hash_stream stream;
    struct cr_hash128 pieces;
    struct cr_hash128 whole;
    int equal = 1;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < 64; i++)
        equal &=
            cr_crc32c(0, data + i, 900 - i * 3) == cr_crc32c_portable(0, data + i, 900 - i * 3);
    tap_ok(equal, "CRC-32C by instruction equals CRC-32C bit by bit");
    tap_equal_u64(cr_crc32c(0, "123456789", 9), 0xe3069283, "CRC-32C of the standard's example");
    tap_equal_u64(cr_crc32c(cr_crc32c(0, "12345", 5), "6789", 4), 0xe3069283, "in two pieces");
    tap_equal_u64(cr_hash64("", 0), 0x2d06800538d394c2, "XXH3-64 of nothing");
    whole = cr_hash128(data, sizeof(data));
    cr_hash_begin(&stream);
    cr_hash_add(&stream, data, 333);
    cr_hash_add(&stream, data + 333, sizeof(data) - 333);
    pieces = cr_hash_end(&stream);
    tap_ok(memcmp(&whole, &pieces, sizeof(whole)) == 0, "XXH3-128 in pieces");
}

int main(void)
{
    const char *directory = sample_directory();
    char path[128];
    struct sample s;

    check_checksums();
    sample_create(&s);
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    check_image(&s, path, 0);
    check_image(&s, path, 1);
    unlink(path);
    tap_ok(rmdir(directory) == 0, "nothing else was left behind");
    sample_destroy(&s);
    return tap_done();
}
