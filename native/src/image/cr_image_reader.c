/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Everything before the page data is read into the arena once; all checks are made there, so that a
 * file that changes meanwhile cannot pass one check and fail the next.
 */
#include "cr_image_reader.h"

#include "cr_crc32c.h"
#include "cr_fmt.h"
#include "cr_hash.h"
#include "cr_image_read.h"
#include "cr_machine.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <elf.h>
#include <errno.h>
#include <pb_decode.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NOTE_ALIGN(x) (((uint64_t)(x) + 3) & ~3UL)
#define OWN_PREFIX 8 /* CRC and length before the message of a note of ours */

/* An image while it is being opened. */
struct opening {
    struct cr_arena *arena;
    const char *path;
    int fd;
    uint64_t base; /* of the image in its file */
    uint64_t file_size;
    const uint8_t *bytes; /* everything before the page data */
    uint64_t notes_offset;
    uint64_t notes_size;
    uint64_t header_count;
    uint64_t headers_end;
    uint64_t data_offset;
    uint64_t digests_offset;
    struct cr_image_digests *digests;
    size_t digests_size;
};

static int damaged(const struct opening *o, struct cr_error *err, const char *what, uint64_t at)
{
    return cr_fail(err, CR_EDAMAGED, "%s is damaged: %s at offset %lu", o->path, what, at);
}

static int not_image(const struct opening *o, struct cr_error *err, const char *what)
{
    return cr_fail(err, CR_ENOTIMAGE, "%s is not a Quiesce image: %s", o->path, what);
}

/* Reads SIZE bytes; a shorter file is an incomplete image. */
static int read_at(const struct opening *o, void *buffer, size_t size, uint64_t offset,
                   struct cr_error *err)
{
    return cr_image_read_at(o->fd, o->path, o->base, buffer, size, offset, err);
}

static int check_elf_header(const struct opening *o, const Elf64_Ehdr *h, struct cr_error *err)
{
    static const uint8_t ident[EI_NIDENT] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                             ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

    if (memcmp(h->e_ident, ident, sizeof(ident)) != 0)
        return not_image(o, err, "no ELF header");
    if (h->e_type != ET_CORE || h->e_machine != CR_MACHINE_ELF || h->e_version != EV_CURRENT)
        return not_image(o, err, "not a core file of this architecture");
    if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff != sizeof(Elf64_Ehdr))
        return not_image(o, err, "another layout of program headers");
    return 0;
}

/* The number of program headers; for PN_XNUM it is in the section header, which must follow them at once. */
static int read_header_count(struct opening *o, const Elf64_Ehdr *h, struct cr_error *err)
{
    Elf64_Shdr section;
    int rc;

    o->header_count = h->e_phnum;
    o->headers_end = sizeof(*h) + o->header_count * sizeof(Elf64_Phdr);
    if (h->e_phnum != PN_XNUM)
        return h->e_phnum > 0 ? 0 : not_image(o, err, "no program headers");
    if (h->e_shoff > o->file_size)
        return damaged(o, err, "section header", h->e_shoff);
    rc = read_at(o, &section, sizeof(section), h->e_shoff, err);
    if (rc < 0)
        return rc;
    o->header_count = section.sh_info;
    o->headers_end = sizeof(*h) + o->header_count * sizeof(Elf64_Phdr) + sizeof(section);
    if (h->e_shoff + sizeof(section) != o->headers_end)
        return damaged(o, err, "section header", h->e_shoff);
    return 0;
}

static int read_structure(struct opening *o, struct cr_error *err)
{
    Elf64_Ehdr header;
    Elf64_Phdr note;
    uint8_t *bytes;
    int rc = read_at(o, &header, sizeof(header), 0, err);

    if (rc == -CR_EINCOMPLETE)
        return not_image(o, err, "too short");
    if (rc == 0)
        rc = check_elf_header(o, &header, err);
    if (rc == 0)
        rc = read_header_count(o, &header, err);
    if (rc == 0)
        rc = read_at(o, &note, sizeof(note), header.e_phoff, err);
    if (rc < 0)
        return rc;
    if (note.p_type != PT_NOTE || note.p_offset != o->headers_end)
        return not_image(o, err, "notes are not where Quiesce puts them");
    if (note.p_offset > o->file_size || note.p_filesz > o->file_size - note.p_offset)
        return cr_fail(err, CR_EINCOMPLETE, "%s is incomplete: it ends inside its notes", o->path);
    o->notes_offset = note.p_offset;
    o->notes_size = note.p_filesz;
    o->data_offset = CR_PAGE_UP(note.p_offset + note.p_filesz);
    bytes = cr_arena_alloc(o->arena, o->data_offset);
    if (bytes == NULL)
        return cr_fail(err, ENOMEM, "no memory for the %lu bytes of headers of %s", o->data_offset,
                       o->path);
    o->bytes = bytes;
    return read_at(o, bytes, o->data_offset, 0, err);
}

/* The note at *AT of SIZE bytes of notes. Returns 1, 0 at the end, or -CR_EDAMAGED. */
static int raw_note(const uint8_t *notes, size_t size, size_t *at, struct cr_stored_note *ret_note)
{
    Elf64_Nhdr header;
    size_t left = size - *at;
    uint64_t name_end;

    if (left == 0)
        return 0;
    if (left < sizeof(header))
        return -CR_EDAMAGED;
    memcpy(&header, notes + *at, sizeof(header));
    name_end = sizeof(header) + NOTE_ALIGN(header.n_namesz);
    if (header.n_namesz == 0 || name_end > left || NOTE_ALIGN(header.n_descsz) > left - name_end)
        return -CR_EDAMAGED;
    ret_note->name = (const char *)notes + *at + sizeof(header);
    if (ret_note->name[header.n_namesz - 1] != '\0')
        return -CR_EDAMAGED;
    ret_note->type = header.n_type;
    ret_note->size = header.n_descsz;
    ret_note->data = notes + *at + name_end;
    *at += name_end + NOTE_ALIGN(header.n_descsz);
    return 1;
}

static int is_own(const struct cr_stored_note *note)
{
    return cr_str_equal(note->name, CR_NOTE_NAME);
}

static int is_type(const struct cr_stored_note *note, uint32_t type)
{
    return note->type == CR_NOTE_TYPE_BASE + type;
}

/* Checks the CRC of a note of ours and takes it and the length off. */
static int unwrap(struct cr_stored_note *note)
{
    uint32_t prefix[2];
    const uint8_t *data = note->data;

    if (note->size < OWN_PREFIX)
        return -CR_EDAMAGED;
    memcpy(prefix, data, sizeof(prefix));
    if (prefix[1] != note->size - OWN_PREFIX ||
        prefix[0] != cr_crc32c(0, data + sizeof(prefix[0]), note->size - sizeof(prefix[0])))
        return -CR_EDAMAGED;
    note->data = data + OWN_PREFIX;
    note->size -= OWN_PREFIX;
    return 0;
}

static int check_version(const struct opening *o, const struct cr_stored_note *note,
                         struct cr_error *err)
{
    quiesce_image_Header header = quiesce_image_Header_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(note->data, note->size);

    if (!pb_decode(&stream, quiesce_image_Header_fields, &header))
        return damaged(o, err, "header note", o->notes_offset);
    if (header.format_version > CR_IMAGE_FORMAT)
        return cr_fail(
            err, CR_EIMAGEVERSION,
            "%s has format %u, this program reads up to %u; it was written by Quiesce %s", o->path,
            header.format_version, CR_IMAGE_FORMAT, header.quiesce_version);
    return 0;
}

static int take_digests(struct opening *o, const struct cr_stored_note *note, struct cr_error *err)
{
    if (note->size < sizeof(*o->digests))
        return damaged(o, err, "digests note", o->notes_offset);
    /* Copied, because a note is only aligned to four bytes. */
    o->digests = cr_arena_alloc(o->arena, note->size);
    if (o->digests == NULL)
        return cr_fail(err, ENOMEM, "no memory for the digests of %s", o->path);
    memcpy(o->digests, note->data, note->size);
    o->digests_size = note->size;
    o->digests_offset = (uint64_t)((const uint8_t *)note->data - o->bytes);
    return 0;
}

/* Looks at every note once: well-formed, CRC right, version known, exactly one with digests. */
static int check_notes(struct opening *o, struct cr_error *err)
{
    const uint8_t *notes = o->bytes + o->notes_offset;
    struct cr_stored_note note;
    size_t at = 0;
    int rc;

    while ((rc = raw_note(notes, o->notes_size, &at, &note)) > 0) {
        if (!is_own(&note))
            continue;
        if (is_type(&note, quiesce_image_NoteType_NOTE_DIGESTS))
            rc = o->digests == NULL ? take_digests(o, &note, err)
                                    : damaged(o, err, "second digests note", o->notes_offset + at);
        else if (unwrap(&note) < 0)
            rc = damaged(o, err, "note before", o->notes_offset + at);
        else if (is_type(&note, quiesce_image_NoteType_NOTE_HEADER))
            rc = check_version(o, &note, err);
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return damaged(o, err, "note", o->notes_offset + at);
    return o->digests != NULL ? 0 : not_image(o, err, "a core file without notes of Quiesce");
}

static int check_digests(const struct opening *o, struct cr_error *err)
{
    const struct cr_image_digests *d = o->digests;
    uint64_t skip_end = o->digests_offset + o->digests_size;
    struct cr_hash_stream stream;
    struct cr_hash128 hash;

    if (d->crc != cr_crc32c(0, &d->sealed, o->digests_size - sizeof(d->crc)))
        return damaged(o, err, "digests note", o->digests_offset);
    if (d->sealed != 1)
        return cr_fail(err, CR_EINCOMPLETE, "%s was never finished", o->path);
    cr_hash_begin(&stream);
    cr_hash_add(&stream, o->bytes, o->digests_offset);
    cr_hash_add(&stream, o->bytes + skip_end, o->data_offset - skip_end);
    hash = cr_hash_end(&stream);
    if (hash.low != d->structure_low || hash.high != d->structure_high)
        return damaged(o, err, "headers or notes before", o->data_offset);
    if (d->data_offset != o->data_offset || d->chunk != CR_DIGEST_CHUNK ||
        d->data_size > UINT64_MAX - d->data_offset - CR_DIGEST_CHUNK ||
        (o->digests_size - sizeof(*d)) / sizeof(d->chunks[0]) !=
            (d->data_size + CR_DIGEST_CHUNK - 1) / CR_DIGEST_CHUNK)
        return damaged(o, err, "digests note", o->digests_offset);
    if (o->file_size < d->data_offset + d->data_size)
        return cr_fail(err, CR_EINCOMPLETE, "%s is incomplete: %lu of %lu bytes", o->path,
                       o->file_size, d->data_offset + d->data_size);
    if (o->file_size > d->data_offset + d->data_size)
        return damaged(o, err, "bytes behind its end", d->data_offset + d->data_size);
    return 0;
}

/* A PT_LOAD must lie behind the one before, in memory and in the file. */
static int check_load(const Elf64_Phdr *load, uint64_t address, uint64_t offset, uint64_t file_end)
{
    return load->p_type == PT_LOAD && load->p_vaddr >= address &&
           load->p_vaddr + load->p_memsz >= load->p_vaddr && load->p_memsz >= load->p_filesz &&
           load->p_memsz > 0 && load->p_offset == offset && load->p_filesz <= file_end - offset &&
           (load->p_vaddr | load->p_memsz | load->p_filesz) % CR_PAGE == 0;
}

static uint32_t protection_of(uint32_t flags)
{
    return (flags & PF_R ? PROT_READ : 0U) | (flags & PF_W ? PROT_WRITE : 0U) |
           (flags & PF_X ? PROT_EXEC : 0U);
}

static int read_runs(const struct opening *o, struct cr_image_reader *r, struct cr_error *err)
{
    const Elf64_Phdr *loads = (const Elf64_Phdr *)(o->bytes + sizeof(Elf64_Ehdr));
    struct cr_stored_run *runs = cr_arena_alloc(o->arena, o->header_count * sizeof(*runs));
    uint64_t end = o->data_offset + o->digests->data_size;
    uint64_t offset = o->data_offset;
    uint64_t address = 0;

    if (runs == NULL)
        return cr_fail(err, ENOMEM, "no memory for the runs of %s", o->path);
    r->runs = runs;
    for (uint64_t i = 1; i < o->header_count; i++) {
        const Elf64_Phdr *load = &loads[i];

        if (!check_load(load, address, offset, end))
            return damaged(o, err, "program header", sizeof(Elf64_Ehdr) + i * sizeof(*load));
        address = load->p_vaddr + load->p_memsz;
        if (load->p_filesz > 0)
            runs[r->run_count++] = (struct cr_stored_run){
                load->p_vaddr, load->p_filesz, o->base + offset, protection_of(load->p_flags), 0};
        offset += load->p_filesz;
    }
    return offset == end ? 0 : damaged(o, err, "page data without program header", offset);
}

static int open_file(struct opening *o, struct cr_error *err)
{
    struct stat info;
    int rc;

    o->fd = cr_sys_open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    rc = o->fd < 0 ? o->fd : (int)cr_sys(SYS_fstat, o->fd, &info);
    if (rc < 0) {
        if (o->fd >= 0)
            cr_sys_close(o->fd);
        return cr_fail(err, -rc, "cannot open %s: %s", o->path, cr_error_words(-rc));
    }
    if (!S_ISREG(info.st_mode)) {
        cr_sys_close(o->fd);
        return not_image(o, err, "not a regular file");
    }
    o->file_size = (uint64_t)info.st_size;
    return 0;
}

/* Checks all of an open image. Its descriptor is closed on failure. */
static int open_image(struct opening *o, struct cr_image_reader *ret_reader, struct cr_error *err)
{
    struct cr_image_reader r = {0};
    int rc = read_structure(o, err);

    if (rc == 0)
        rc = check_notes(o, err);
    if (rc == 0)
        rc = check_digests(o, err);
    if (rc == 0)
        rc = read_runs(o, &r, err);
    if (rc < 0) {
        cr_sys_close(o->fd);
        return rc;
    }
    r.fd = o->fd;
    r.base = o->base;
    r.file_size = o->file_size;
    r.notes = o->bytes + o->notes_offset;
    r.notes_size = o->notes_size;
    r.digests = o->digests;
    r.digests_size = o->digests_size;
    *ret_reader = r;
    return 0;
}

int cr_image_open(struct cr_arena *arena, const char *path, struct cr_image_reader *ret_reader,
                  struct cr_error *err)
{
    struct opening o = {.arena = arena, .path = path};
    int rc = open_file(&o, err);

    return rc < 0 ? rc : open_image(&o, ret_reader, err);
}

int cr_image_open_at(struct cr_arena *arena, int fd, uint64_t base, uint64_t size, const char *path,
                     struct cr_image_reader *ret_reader, struct cr_error *err)
{
    struct opening o = {.arena = arena, .path = path, .base = base, .file_size = size};

    o.fd = (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
    if (o.fd < 0)
        return cr_fail(err, -o.fd, "cannot open %s: %s", path, cr_error_words(-o.fd));
    return open_image(&o, ret_reader, err);
}

void cr_image_close(struct cr_image_reader *r)
{
    if (r->fd >= 0)
        cr_sys_close(r->fd);
    r->fd = -1;
}

int cr_image_walk_notes(const struct cr_image_reader *r, size_t *at,
                        struct cr_stored_note *ret_note)
{
    if (raw_note(r->notes, r->notes_size, at, ret_note) <= 0)
        return 0;
    ret_note->own = is_own(ret_note);
    if (!ret_note->own)
        return 1;
    if (!is_type(ret_note, quiesce_image_NoteType_NOTE_DIGESTS)) {
        ret_note->data = (const uint8_t *)ret_note->data + OWN_PREFIX;
        ret_note->size -= OWN_PREFIX;
    }
    ret_note->type -= CR_NOTE_TYPE_BASE;
    return 1;
}

int cr_image_next_note(const struct cr_image_reader *r, uint32_t type, size_t *at,
                       const void **ret_data, size_t *ret_size)
{
    struct cr_stored_note note;

    while (cr_image_walk_notes(r, at, &note)) {
        if (!note.own || note.type != type)
            continue;
        *ret_data = note.data;
        *ret_size = note.size;
        return 1;
    }
    return 0;
}

void cr_image_identify(const struct cr_image_reader *r, struct cr_image_record *ret_record)
{
    struct cr_hash128 identity = cr_hash128(r->digests, r->digests_size);

    *ret_record = (struct cr_image_record){r->file_size, identity.low, identity.high};
}

static int verify_chunk(const struct cr_image_reader *r, uint64_t index, uint8_t *buffer,
                        struct cr_error *err)
{
    const struct cr_image_digests *d = r->digests;
    struct opening o = {.fd = r->fd, .path = "image", .base = r->base};
    uint64_t offset = d->data_offset + index * CR_DIGEST_CHUNK;
    uint64_t left = r->file_size - offset;
    size_t size = left < CR_DIGEST_CHUNK ? left : CR_DIGEST_CHUNK;
    int rc = read_at(&o, buffer, size, offset, err);

    if (rc < 0)
        return rc;
    if (cr_hash64(buffer, size) == d->chunks[index])
        return 0;
    return cr_fail(err, CR_EDAMAGED, "page data is damaged between offset %lu and %lu", offset,
                   offset + size);
}

int cr_image_verify(const struct cr_image_reader *r, struct cr_error *err)
{
    uint64_t chunks = (r->digests->data_size + CR_DIGEST_CHUNK - 1) / CR_DIGEST_CHUNK;
    uint64_t buffer =
        cr_sys_mmap(0, CR_DIGEST_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc = 0;

    if (cr_sys_is_error(buffer))
        return cr_fail(err, ENOMEM, "no memory to verify an image");
    for (uint64_t i = 0; rc == 0 && i < chunks; i++)
        rc = verify_chunk(r, i, (uint8_t *)buffer, err);
    cr_sys_munmap(buffer, CR_DIGEST_CHUNK);
    return rc;
}
