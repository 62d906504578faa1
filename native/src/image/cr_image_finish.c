/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The digests of an image whose process ended after it had copied everything and
 * before it could seal it: computed by another process, from the file alone.
 */
#include "cr_image.h"

#include "cr_crc32c.h"
#include "cr_fmt.h"
#include "cr_hash.h"
#include "cr_image_read.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

struct unsealed {
    struct cr_arena *arena;
    int fd;
    uint64_t base;
    const char *path;
    const uint8_t *bytes; /* everything before the page data */
    uint64_t data_offset;
    uint64_t data_size;
    uint64_t digests_offset;
    size_t digests_size;
};

static int incomplete(const struct unsealed *u, struct cr_error *err)
{
    return cr_fail(err, CR_EINCOMPLETE, "%s was never finished: its process has ended", u->path);
}

static int read_at(const struct unsealed *u, void *buffer, size_t size, uint64_t offset,
                   struct cr_error *err)
{
    int rc = cr_image_read_at(u->fd, u->path, u->base, buffer, size, offset, err);

    return rc == -CR_EINCOMPLETE ? incomplete(u, err) : rc;
}

/* Reads all that stands before the page data, and adds up the page data. */
static int read_structure(struct unsealed *u, struct cr_error *err)
{
    Elf64_Ehdr header;
    Elf64_Shdr section;
    Elf64_Phdr note;
    uint64_t count;
    uint8_t *bytes;
    int rc = read_at(u, &header, sizeof(header), 0, err);

    if (rc == 0)
        rc = read_at(u, &note, sizeof(note), sizeof(header), err);
    if (rc < 0)
        return rc;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || note.p_type != PT_NOTE)
        return incomplete(u, err);
    count = header.e_phnum;
    if (count == PN_XNUM) {
        rc = read_at(u, &section, sizeof(section), header.e_shoff, err);
        if (rc < 0)
            return rc;
        count = section.sh_info;
    }
    u->data_offset = CR_PAGE_UP(note.p_offset + note.p_filesz);
    bytes = cr_arena_alloc(u->arena, u->data_offset);
    if (bytes == NULL || sizeof(header) + count * sizeof(note) > u->data_offset)
        return cr_fail(err, ENOMEM, "no memory for the headers of %s", u->path);
    u->bytes = bytes;
    rc = read_at(u, bytes, u->data_offset, 0, err);
    for (uint64_t i = 1; rc == 0 && i < count; i++) {
        memcpy(&note, bytes + sizeof(header) + i * sizeof(note), sizeof(note));
        u->data_size += note.p_filesz;
    }
    return rc;
}

/* The digests are the last note. */
static int find_digests(struct unsealed *u, struct cr_error *err)
{
    const uint64_t chunks = (u->data_size + CR_DIGEST_CHUNK - 1) / CR_DIGEST_CHUNK;
    Elf64_Phdr notes;
    Elf64_Nhdr header;
    uint64_t end;

    memcpy(&notes, u->bytes + sizeof(Elf64_Ehdr), sizeof(notes));
    end = notes.p_offset + notes.p_filesz;
    u->digests_size = sizeof(struct cr_image_digests) + chunks * sizeof(uint64_t);
    if (u->digests_size + sizeof(header) + sizeof(CR_NOTE_NAME) > notes.p_filesz)
        return incomplete(u, err);
    u->digests_offset = end - u->digests_size;
    memcpy(&header, u->bytes + u->digests_offset - sizeof(CR_NOTE_NAME) - sizeof(header),
           sizeof(header));
    if (header.n_type != CR_NOTE_TYPE_BASE + quiesce_image_NoteType_NOTE_DIGESTS ||
        header.n_descsz != u->digests_size)
        return incomplete(u, err);
    return 0;
}

static int hash_chunks(const struct unsealed *u, struct cr_image_digests *d, struct cr_error *err)
{
    uint8_t *buffer = cr_arena_alloc(u->arena, CR_DIGEST_CHUNK);
    int rc = buffer != NULL ? 0 : cr_fail(err, ENOMEM, "no memory to read %s back", u->path);

    for (uint64_t at = 0; rc == 0 && at < u->data_size; at += CR_DIGEST_CHUNK) {
        uint64_t left = u->data_size - at;
        size_t size = left < CR_DIGEST_CHUNK ? left : CR_DIGEST_CHUNK;

        rc = read_at(u, buffer, size, u->data_offset + at, err);
        if (rc == 0)
            d->chunks[at / CR_DIGEST_CHUNK] = cr_hash64(buffer, size);
    }
    return rc;
}

static void hash_structure(const struct unsealed *u, struct cr_image_digests *d)
{
    uint64_t skip_end = u->digests_offset + u->digests_size;
    struct cr_hash_stream stream;
    struct cr_hash128 hash;

    cr_hash_begin(&stream);
    cr_hash_add(&stream, u->bytes, u->digests_offset);
    cr_hash_add(&stream, u->bytes + skip_end, u->data_offset - skip_end);
    hash = cr_hash_end(&stream);
    d->structure_low = hash.low;
    d->structure_high = hash.high;
}

static int write_digests(const struct unsealed *u, struct cr_image_digests *d, struct cr_error *err)
{
    const uint8_t *at = (const uint8_t *)d;
    uint64_t offset = u->base + u->digests_offset;
    size_t size = u->digests_size;

    d->sealed = 1;
    d->crc = cr_crc32c(0, &d->sealed, u->digests_size - sizeof(uint32_t));
    while (size > 0) {
        long n = cr_sys_pwrite(u->fd, at, size, offset);

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return cr_fail(err, n < 0 ? (int)-n : EIO, "cannot write %s: %s", u->path,
                           cr_error_words(n < 0 ? (int)-n : EIO));
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

int cr_image_finish(struct cr_arena *arena, int fd, uint64_t base, const char *path,
                    struct cr_image_record *ret_record, struct cr_error *err)
{
    struct unsealed u = {.arena = arena, .fd = fd, .base = base, .path = path};
    struct cr_image_digests *d = NULL;
    struct cr_hash128 identity;
    int rc = read_structure(&u, err);

    if (rc == 0)
        rc = find_digests(&u, err);
    if (rc < 0)
        return rc;
    d = cr_arena_alloc(arena, u.digests_size);
    if (d == NULL)
        return cr_fail(err, ENOMEM, "no memory for the digests of %s", path);
    d->data_offset = u.data_offset;
    d->data_size = u.data_size;
    d->chunk = CR_DIGEST_CHUNK;
    hash_structure(&u, d);
    rc = hash_chunks(&u, d, err);
    if (rc == 0)
        rc = write_digests(&u, d, err);
    if (rc < 0)
        return rc;
    identity = cr_hash128(d, u.digests_size);
    *ret_record =
        (struct cr_image_record){u.data_offset + u.data_size, identity.low, identity.high};
    return 0;
}
