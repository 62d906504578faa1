/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The build-ids of mapped files: the program headers lead to the note. */
#include "cr_state_memory_parts.h"

#include "cr_sys.h"

#include <elf.h>
#include <string.h>

#define PHDRS_MAX 32
#define NOTES_MAX 2048UL
#define KNOWN_COUNT 128UL

/* Found in an earlier checkpoint: a library takes some 15 system calls, in the pause. */
struct known {
    uint64_t device, inode, size, address;
    int64_t mtime_ns;
    size_t length;
    uint8_t bytes[sizeof(((quiesce_image_MappedFile *)0)->build_id.bytes)];
};
static struct known known_ids[KNOWN_COUNT];

static size_t align4(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t find_build_id_note(const uint8_t *notes, size_t size, uint8_t *out, size_t out_size)
{
    size_t at = 0;

    while (at + sizeof(Elf64_Nhdr) <= size) {
        Elf64_Nhdr header;
        size_t name = at + sizeof(header);
        size_t data;

        memcpy(&header, notes + at, sizeof(header));
        if (header.n_namesz > size || header.n_descsz > size)
            return 0;
        data = name + align4(header.n_namesz);
        if (data + header.n_descsz > size)
            return 0;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 &&
            memcmp(notes + name, "GNU", 4) == 0) {
            size_t length = header.n_descsz < out_size ? header.n_descsz : out_size;

            memcpy(out, notes + data, length);
            return length;
        }
        at = data + align4(header.n_descsz);
    }
    return 0;
}

size_t cr_mapped_build_id(int fd, uint64_t address, uint8_t *out, size_t size)
{
    uint8_t notes[NOTES_MAX];
    Elf64_Ehdr header;
    Elf64_Phdr phdr;
    size_t length = 0;

    if (cr_sys_pread(fd, &header, sizeof(header), address) != (long)sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof(phdr))
        return 0;
    for (unsigned i = 0; length == 0 && i < header.e_phnum && i < PHDRS_MAX; i++) {
        long n;

        if (cr_sys_pread(fd, &phdr, sizeof(phdr), address + header.e_phoff + i * sizeof(phdr)) !=
            (long)sizeof(phdr))
            return 0;
        if (phdr.p_type != PT_NOTE)
            continue;
        n = cr_sys_pread(fd, notes, phdr.p_filesz < NOTES_MAX ? phdr.p_filesz : NOTES_MAX,
                         address + phdr.p_offset);
        if (n > 0)
            length = find_build_id_note(notes, (size_t)n, out, size);
    }
    return length;
}

size_t cr_mapped_known_build_id(int fd, uint64_t address, const quiesce_image_MappedFile *file,
                                uint8_t *out, size_t size)
{
    struct known *k = &known_ids[(file->inode ^ address >> 12) % KNOWN_COUNT];

    if (k->inode == file->inode && k->device == file->device && k->size == file->size &&
        k->address == address && k->mtime_ns == file->mtime_ns && k->length <= size) {
        memcpy(out, k->bytes, k->length);
        return k->length;
    }
    *k = (struct known){.device = file->device,
                        .inode = file->inode,
                        .size = file->size,
                        .address = address,
                        .mtime_ns = file->mtime_ns};
    k->length = cr_mapped_build_id(fd, address, k->bytes, sizeof(k->bytes));
    if (k->length <= size)
        memcpy(out, k->bytes, k->length);
    return k->length <= size ? k->length : 0;
}
