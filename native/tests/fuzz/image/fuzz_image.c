/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The image reader on any bytes. Checksums would stop the fuzzer at the door, so each input is read twice:
 * as it is, and with the checksums made right where the reader would find them.
 */
#include "cr_crc32c.h"
#include "cr_hash.h"
#include "cr_image_reader.h"
#include "cr_sys.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOTE_DIGESTS_TYPE (CR_NOTE_TYPE_BASE + 12)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cr_arena arena;

static void read_notes(const struct cr_image_reader *r)
{
    struct cr_stored_note note;
    volatile uint8_t last = 0;
    size_t at = 0;

    while (cr_image_walk_notes(r, &at, &note)) {
        if (note.size > 0)
            last ^= ((const uint8_t *)note.data)[note.size - 1];
    }
}

static void read_image(const char *path)
{
    struct cr_image_reader r;
    struct cr_image_record record;
    struct cr_error err;

    cr_arena_reset(&arena);
    if (cr_image_open(&arena, path, &r, &err) < 0)
        return;
    read_notes(&r);
    cr_image_identify(&r, &record);
    cr_image_verify(&r, &err);
    cr_image_close(&r);
}

/* The bytes before the page data, as the reader counts them; 0: not to be found. */
static size_t structure_size(const uint8_t *data, size_t size)
{
    Elf64_Phdr note;
    uint64_t end;

    if (size < sizeof(Elf64_Ehdr) + sizeof(note))
        return 0;
    memcpy(&note, data + sizeof(Elf64_Ehdr), sizeof(note));
    if (note.p_offset > size || note.p_filesz > size - note.p_offset)
        return 0;
    end = CR_PAGE_UP(note.p_offset + note.p_filesz);
    return end <= size ? (size_t)end : 0;
}

static void repair_digests(uint8_t *data, size_t structure, uint8_t *at, size_t size)
{
    size_t before = (size_t)(at - data);
    struct cr_image_digests d;
    struct cr_hash_stream stream;
    struct cr_hash128 hash;
    uint32_t crc;

    if (size < sizeof(d))
        return;
    cr_hash_begin(&stream);
    cr_hash_add(&stream, data, before);
    cr_hash_add(&stream, at + size, structure - before - size);
    hash = cr_hash_end(&stream);
    memcpy(&d, at, sizeof(d));
    d.structure_low = hash.low;
    d.structure_high = hash.high;
    memcpy(at, &d, sizeof(d));
    crc = cr_crc32c(0, at + sizeof(crc), size - sizeof(crc));
    memcpy(at, &crc, sizeof(crc));
}

/* Makes the CRC of each note and the digest of the structure right. */
static void repair(uint8_t *data, size_t size)
{
    size_t structure = structure_size(data, size);
    Elf64_Phdr segment;
    size_t at;
    size_t end;

    if (structure == 0)
        return;
    memcpy(&segment, data + sizeof(Elf64_Ehdr), sizeof(segment));
    at = segment.p_offset;
    end = segment.p_offset + segment.p_filesz;
    while (end - at >= sizeof(Elf64_Nhdr) + sizeof(CR_NOTE_NAME)) {
        uint8_t *body = data + at + sizeof(Elf64_Nhdr) + sizeof(CR_NOTE_NAME);
        Elf64_Nhdr note;
        uint32_t crc;

        memcpy(&note, data + at, sizeof(note));
        at += sizeof(note) + sizeof(CR_NOTE_NAME);
        if (note.n_namesz != sizeof(CR_NOTE_NAME) || note.n_descsz > end - at)
            return;
        if (note.n_type == NOTE_DIGESTS_TYPE) {
            repair_digests(data, structure, body, note.n_descsz);
        } else if (note.n_descsz >= 2 * sizeof(crc)) {
            crc = cr_crc32c(0, body + sizeof(crc), note.n_descsz - sizeof(crc));
            memcpy(body, &crc, sizeof(crc));
        }
        at += (note.n_descsz + 3UL) & ~3UL;
        if (at > end)
            return;
    }
}

static void write_file(int fd, const uint8_t *data, size_t size)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    uint8_t *copy;

    if (fd < 0) {
        fd = memfd_create("image", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (cr_arena_create(&arena, 64UL << 20) != 0)
            abort();
    }
    write_file(fd, data, size);
    read_image(path);
    copy = malloc(size + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    repair(copy, size);
    write_file(fd, copy, size);
    read_image(path);
    free(copy);
    return 0;
}
