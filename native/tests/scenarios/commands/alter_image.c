/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes an image of one process one of another host, with all checksums right, as that host would have written it.
 * usage: alter_image IMAGE cpu|xcr0|kernel|pages|vdso
 */
#include "cr_cpu.h"
#include "cr_crc32c.h"
#include "cr_image.h"
#include "cr_image_reader.h"
#include "image.pb.h"

#include <elf.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cr_arena arena;
static int fd;
static uint64_t notes_offset; /* in the file */

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "alter_image: %s\n", what);
    exit(1);
}

/* The message DATA of a note becomes BYTES, which are as many. */
static void write_note(const struct cr_image_reader *r, const void *data, size_t size,
                       const void *bytes)
{
    off_t at = (off_t)(notes_offset + (uint64_t)((const uint8_t *)data - r->notes));
    uint32_t prefix[2] = {0, (uint32_t)size};

    prefix[0] = cr_crc32c(cr_crc32c(0, &prefix[1], sizeof(prefix[1])), bytes, size);
    must(pwrite(fd, prefix, sizeof(prefix), at - (off_t)sizeof(prefix)) == sizeof(prefix) &&
             pwrite(fd, bytes, size, at) == (ssize_t)size,
         "cannot write");
}

/* Changes HOST in the way HOW, of which there may be several: the one with the number TRY. Returns whether this makes another host of it. */
static int change_host(quiesce_image_Host *host, const char *how, int try)
{
    struct cr_cpu have;
    struct cr_cpu needed;

    cr_cpu_read(&have);
    needed = have;
    if (strcmp(how, "cpu") == 0) {
        needed.words[try / 32] |= 1U << try % 32;
        host->cpuid[try / 32] |= 1U << try % 32;
    } else if (strcmp(how, "xcr0") == 0) {
        needed.xcr0 |= 1UL << try % 64;
        host->xcr0 |= 1UL << try % 64;
    } else if (strcmp(how, "kernel") == 0) {
        host->kernel_release[0] ^= 1;
        return 1;
    } else {
        host->page_size *= 2;
        return strcmp(how, "pages") == 0;
    }
    return cr_cpu_lacks(&have, &needed) != NULL;
}

/* The first change with which the note stays as long. */
static void alter_host(const struct cr_image_reader *r, const char *how)
{
    static quiesce_image_Host host;
    uint8_t bytes[1024];
    const void *data;
    size_t size;
    size_t at = 0;

    must(cr_image_next_note(r, quiesce_image_NoteType_NOTE_HOST, &at, &data, &size), "no host");
    for (int try = 0; try < CR_CPU_WORDS * 32; try++) {
        pb_istream_t in = pb_istream_from_buffer(data, size);
        pb_ostream_t out = pb_ostream_from_buffer(bytes, sizeof(bytes));

        must(pb_decode(&in, quiesce_image_Host_fields, &host), "cannot decode the host");
        if (!change_host(&host, how, try) || !pb_encode(&out, quiesce_image_Host_fields, &host) ||
            out.bytes_written != size)
            continue;
        write_note(r, data, size, bytes);
        return;
    }
    must(0, "no such change is possible here");
}

/* A kernel whose vdso has other parts. */
static void alter_vdso(const struct cr_image_reader *r)
{
    static const char name[] = "[vdso]";
    const void *data;
    size_t size;

    for (size_t at = 0;
         cr_image_next_note(r, quiesce_image_NoteType_NOTE_AREAS, &at, &data, &size);) {
        uint8_t *bytes = malloc(size);
        uint8_t *found;

        must(bytes != NULL, "no memory");
        memcpy(bytes, data, size);
        found = memmem(bytes, size, name, sizeof(name) - 1);
        if (found != NULL)
            memcpy(found, "[vds2]", sizeof(name) - 1);
        write_note(r, data, size, bytes);
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    struct cr_image_reader reader;
    struct cr_image_record record;
    struct cr_error err = {0};
    Elf64_Phdr notes;

    must(argc == 3, "usage: alter_image IMAGE cpu|xcr0|kernel|pages|vdso");
    must(cr_arena_create(&arena, 1UL << 30) == 0, "no memory");
    fd = open(argv[1], O_RDWR);
    must(fd >= 0 && pread(fd, &notes, sizeof(notes), sizeof(Elf64_Ehdr)) == sizeof(notes),
         "cannot read");
    notes_offset = notes.p_offset;
    must(cr_image_open(&arena, argv[1], &reader, &err) == 0, err.text);
    if (strcmp(argv[2], "vdso") == 0)
        alter_vdso(&reader);
    else
        alter_host(&reader, argv[2]);
    cr_image_close(&reader);
    must(cr_image_finish(&arena, fd, 0, argv[1], &record, &err) == 0, err.text);
    return 0;
}
