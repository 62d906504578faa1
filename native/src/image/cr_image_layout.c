/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Where everything lies in an image, and the bytes before the page data. */
#include "cr_image_writer.h"

#include "cr_crc32c.h"
#include "cr_machine.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define OUTPUT_SIZE (256UL << 10)

/* Collects small pieces into large writes. */
struct output {
    const struct cr_image_writer *w;
    uint8_t *buffer;
    size_t used;
    uint64_t offset; /* in the file, of buffer[0] */
};

static int is_zero(const struct cr_run *run)
{
    return run->source == CR_RUN_ZERO;
}

/*
 * The next PT_LOAD: runs with contents that touch and have one protection, then zero runs that touch and have it too.
 * Returns 0 at the end. OFFSET moves on by p_filesz.
 */
static int next_load(struct cr_run_cursor *c, uint64_t *offset, Elf64_Phdr *load)
{
    const struct cr_run *run = cr_run_at(c);
    uint32_t protection;
    uint64_t end;

    if (run == NULL)
        return 0;
    protection = run->protection;
    end = run->start;
    *load = (Elf64_Phdr){.p_type = PT_LOAD, .p_vaddr = run->start, .p_align = CR_PAGE};
    load->p_flags = (protection & PROT_READ ? PF_R : 0) | (protection & PROT_WRITE ? PF_W : 0) |
                    (protection & PROT_EXEC ? PF_X : 0);
    load->p_offset = *offset;
    for (; run != NULL && run->start == end && run->protection == protection; run = cr_run_at(c)) {
        if (!is_zero(run) && load->p_memsz != load->p_filesz)
            break;
        load->p_memsz += run->size;
        load->p_filesz += is_zero(run) ? 0 : run->size;
        end += run->size;
        cr_run_advance(c);
    }
    *offset += load->p_filesz;
    return 1;
}

static void count_loads(struct cr_image_writer *w)
{
    struct cr_run_cursor c = cr_run_first(w);
    Elf64_Phdr load;

    w->load_count = 0;
    w->data_size = 0;
    while (next_load(&c, &w->data_size, &load))
        w->load_count++;
}

static uint64_t header_count(const struct cr_image_writer *w)
{
    return w->load_count + 1;
}

static int needs_section(const struct cr_image_writer *w)
{
    return header_count(w) >= PN_XNUM;
}

int cr_layout_plan(struct cr_image_writer *w, struct cr_error *err)
{
    uint64_t chunks;
    uint64_t digests_note;

    count_loads(w);
    chunks = (w->data_size + CR_DIGEST_CHUNK - 1) / CR_DIGEST_CHUNK;
    w->digests_size = sizeof(*w->digests) + chunks * sizeof(w->digests->chunks[0]);
    w->digests = cr_arena_alloc(w->arena, w->digests_size);
    if (w->digests == NULL)
        return cr_fail(err, ENOMEM, "no room in the agent's memory for %lu digests", chunks);
    w->notes_offset = sizeof(Elf64_Ehdr) + header_count(w) * sizeof(Elf64_Phdr) +
                      (needs_section(w) ? sizeof(Elf64_Shdr) : 0);
    digests_note = w->notes_offset + w->notes_size;
    w->digests_offset = digests_note + sizeof(Elf64_Nhdr) + sizeof(CR_NOTE_NAME);
    w->data_offset = CR_PAGE_UP(w->digests_offset + w->digests_size);
    w->digests->data_offset = w->data_offset;
    w->digests->data_size = w->data_size;
    w->digests->chunk = CR_DIGEST_CHUNK;
    w->digests->crc = cr_crc32c(0, &w->digests->sealed, w->digests_size - sizeof(uint32_t));
    return 0;
}

static int output_flush(struct output *o, struct cr_error *err)
{
    struct iovec iov = {o->buffer, o->used};
    int rc = cr_image_write_at(o->w, o->w->fd, &iov, 1, o->offset, err);

    o->offset += o->used;
    o->used = 0;
    return rc;
}

static int output_put(struct output *o, const void *data, size_t size, struct cr_error *err)
{
    const uint8_t *at = data;

    while (size > 0) {
        size_t part = OUTPUT_SIZE - o->used < size ? OUTPUT_SIZE - o->used : size;
        int rc;

        memcpy(o->buffer + o->used, at, part);
        o->used += part;
        at += part;
        size -= part;
        rc = o->used == OUTPUT_SIZE ? output_flush(o, err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int put_elf_header(struct output *o, struct cr_error *err)
{
    const struct cr_image_writer *w = o->w;
    uint64_t count = header_count(w);
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = CR_MACHINE_ELF,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = needs_section(w) ? PN_XNUM : (Elf64_Half)count,
    };

    if (needs_section(w)) {
        header.e_shoff = sizeof(header) + count * sizeof(Elf64_Phdr);
        header.e_shentsize = sizeof(Elf64_Shdr);
        header.e_shnum = 1;
    }
    return output_put(o, &header, sizeof(header), err);
}

static int put_program_headers(struct output *o, struct cr_error *err)
{
    const struct cr_image_writer *w = o->w;
    Elf64_Phdr header = {.p_type = PT_NOTE, .p_offset = w->notes_offset, .p_align = 4};
    struct cr_run_cursor c = cr_run_first(w);
    uint64_t offset = w->data_offset;
    int rc;

    header.p_filesz = w->digests_offset + w->digests_size - w->notes_offset;
    do {
        rc = output_put(o, &header, sizeof(header), err);
    } while (rc == 0 && next_load(&c, &offset, &header));
    return rc;
}

/* The count that does not fit into e_phnum, as the kernel puts it into its own core files. */
static int put_section(struct output *o, struct cr_error *err)
{
    Elf64_Shdr section = {.sh_type = SHT_NULL, .sh_size = 1};

    if (!needs_section(o->w))
        return 0;
    section.sh_info = (Elf64_Word)header_count(o->w);
    return output_put(o, &section, sizeof(section), err);
}

static int put_notes(struct output *o, struct cr_error *err)
{
    static const uint8_t padding[CR_PAGE];
    const struct cr_image_writer *w = o->w;
    Elf64_Nhdr header = {sizeof(CR_NOTE_NAME), (Elf64_Word)w->digests_size,
                         CR_NOTE_TYPE_BASE + quiesce_image_NoteType_NOTE_DIGESTS};
    int rc = 0;

    for (const struct cr_note_block *n = w->first_note; rc == 0 && n != NULL; n = n->next)
        rc = output_put(o, n->bytes, n->size, err);
    if (rc == 0)
        rc = output_put(o, &header, sizeof(header), err);
    if (rc == 0)
        rc = output_put(o, CR_NOTE_NAME, sizeof(CR_NOTE_NAME), err);
    if (rc == 0)
        rc = output_put(o, w->digests, w->digests_size, err);
    if (rc == 0)
        rc = output_put(o, padding, w->data_offset - w->digests_offset - w->digests_size, err);
    return rc;
}

int cr_layout_write(struct cr_image_writer *w, struct cr_error *err)
{
    struct output o = {.w = w, .buffer = cr_arena_alloc(w->arena, OUTPUT_SIZE)};
    int rc;

    if (o.buffer == NULL)
        return cr_fail(err, ENOMEM, "no room in the agent's memory for the headers of the image");
    if (header_count(w) > UINT32_MAX)
        return cr_fail(err, CR_EINTERNAL, "%lu program headers", header_count(w));
    rc = put_elf_header(&o, err);
    if (rc == 0)
        rc = put_program_headers(&o, err);
    if (rc == 0)
        rc = put_section(&o, err);
    if (rc == 0)
        rc = put_notes(&o, err);
    if (rc == 0)
        rc = output_flush(&o, err);
    return rc;
}
