/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "image_sample.h"

#include "image.pb.h"

#include <elf.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

#define PAGE 4096UL

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void fill(uint8_t *at, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525U + 1013904223U;
        at[i] = (uint8_t)(seed >> 24);
    }
}

void sample_create(struct sample *s)
{
    uint64_t base;

    s->memory = mmap((void *)0x200000000000UL, SAMPLE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (s->memory == MAP_FAILED)
        die("mmap");
    base = (uint64_t)s->memory;
    fill(s->memory, 2 * PAGE, 1);
    fill(s->memory + 3 * PAGE, 2 * PAGE, 2);
    if (mprotect(s->memory + 4 * PAGE, PAGE, PROT_NONE) != 0)
        die("mprotect");
    s->runs[0] = (struct cr_run){base, 2 * PAGE, PROT_READ | PROT_WRITE, CR_RUN_MEMORY};
    s->runs[1] = (struct cr_run){base + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, CR_RUN_ZERO};
    s->runs[2] = (struct cr_run){base + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE, CR_RUN_MEMORY};
    s->runs[3] = (struct cr_run){base + 4 * PAGE, PAGE, PROT_NONE, CR_RUN_UNREADABLE};
}

void sample_destroy(struct sample *s)
{
    munmap(s->memory, SAMPLE_PAGES * PAGE);
}

static int add_message(struct cr_image_writer *w, uint32_t type, const pb_msgdesc_t *fields,
                       const void *message, struct cr_error *err)
{
    static uint8_t bytes[8192];
    pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof(bytes));

    if (!pb_encode(&stream, fields, message))
        return cr_fail(err, CR_EINTERNAL, "encode");
    return cr_image_add_note(w, CR_NOTE_NAME, type, bytes, stream.bytes_written, err);
}

int sample_add_header(struct cr_image_writer *w, uint32_t format_version, struct cr_error *err)
{
    quiesce_image_Header header = {.format_version = format_version,
                                   .quiesce_version = "0.1.0",
                                   .pid = 4711,
                                   .thread_count = 2,
                                   .taken_at_realtime_ns = 1767225600000000000,
                                   .command = "sample",
                                   .image_id = {1, 2, 3, 4, 5, 6, 7, 8, 9}};

    return add_message(w, quiesce_image_NoteType_NOTE_HEADER, quiesce_image_Header_fields, &header,
                       err);
}

static int add_threads(struct cr_image_writer *w, struct cr_error *err)
{
    static quiesce_image_Threads threads;

    threads = (quiesce_image_Threads){.thread_count = 2};
    threads.thread[0] = (quiesce_image_Thread){.tid = 4711, .name = "sample"};
    threads.thread[1] = (quiesce_image_Thread){.tid = 4712, .name = "cr-agent", .agent = true};
    return add_message(w, quiesce_image_NoteType_NOTE_THREADS, quiesce_image_Threads_fields,
                       &threads, err);
}

static int add_areas(const struct sample *s, struct cr_image_writer *w, struct cr_error *err)
{
    static quiesce_image_Areas areas;
    uint64_t base = (uint64_t)s->memory;

    areas = (quiesce_image_Areas){.area_count = 2};
    areas.area[0] = (quiesce_image_Area){.start = base,
                                         .end = base + 4 * PAGE,
                                         .protection = PROT_READ | PROT_WRITE,
                                         .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                                         .kind = quiesce_image_AreaKind_AREA_PRIVATE,
                                         .name = "[heap]"};
    areas.area[1] = (quiesce_image_Area){.start = base + 4 * PAGE,
                                         .end = base + SAMPLE_PAGES * PAGE,
                                         .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                                         .kind = quiesce_image_AreaKind_AREA_PRIVATE};
    return add_message(w, quiesce_image_NoteType_NOTE_AREAS, quiesce_image_Areas_fields, &areas,
                       err);
}

static int add_host(struct cr_image_writer *w, struct cr_error *err)
{
    quiesce_image_Host host = {
        .hostname = "node1", .kernel_release = "6.1.0", .machine = "x86_64", .page_size = 4096};

    return add_message(w, quiesce_image_NoteType_NOTE_HOST, quiesce_image_Host_fields, &host, err);
}

static int add_descriptors(struct cr_image_writer *w, struct cr_error *err)
{
    static quiesce_image_Descriptors d;

    d = (quiesce_image_Descriptors){.descriptor_count = 1};
    d.descriptor[0] =
        (quiesce_image_Descriptor){.fd = 3,
                                   .kind = quiesce_image_DescriptorKind_DESCRIPTOR_FILE,
                                   .path = "/var/tmp/output.txt",
                                   .status_flags = 0x8001,
                                   .offset = 1234,
                                   .same_as = -1,
                                   .size = 5678};
    return add_message(w, quiesce_image_NoteType_NOTE_DESCRIPTORS, quiesce_image_Descriptors_fields,
                       &d, err);
}

static int add_all(const void *what, struct cr_image_writer *w, struct cr_error *err)
{
    const struct sample *s = what;
    prstatus_t status = {.pr_pid = 4711};
    int rc = cr_image_add_note(w, "CORE", NT_PRSTATUS, &status, sizeof(status), err);

    if (rc == 0)
        rc = sample_add_header(w, CR_IMAGE_FORMAT, err);
    if (rc == 0)
        rc = add_host(w, err);
    if (rc == 0)
        rc = add_threads(w, err);
    if (rc == 0)
        rc = add_areas(s, w, err);
    if (rc == 0)
        rc = add_descriptors(w, err);
    if (rc == 0)
        rc = cr_image_add_runs(w, s->runs, 4, err);
    return rc;
}

/* Adds WHAT to the image. */
typedef int add_fn(const void *what, struct cr_image_writer *w, struct cr_error *err);

static int write_image(add_fn *add, const void *what, const char *path,
                       const struct cr_image_options *options, struct cr_image_record *ret_record,
                       struct cr_error *err)
{
    struct cr_image_writer *w = NULL;
    struct cr_arena arena;
    int rc;

    if (cr_arena_create(&arena, 32UL << 20) != 0)
        die("arena");
    rc = cr_image_begin(&arena, path, options, &w, err);
    if (rc == 0)
        rc = add(what, w, err);
    if (rc == 0)
        rc = cr_image_copy(w, err);
    if (rc == 0)
        rc = cr_image_seal(w, ret_record, err);
    if (rc < 0)
        cr_image_abort(w);
    cr_arena_destroy(&arena);
    return rc;
}

int sample_write(const struct sample *s, const char *path, int durable,
                 struct cr_image_record *ret_record, struct cr_error *err)
{
    struct cr_image_options options = {.durable = durable};

    return write_image(add_all, s, path, &options, ret_record, err);
}

struct run_list {
    const struct cr_run *runs;
    size_t count;
};

static int add_runs(const void *what, struct cr_image_writer *w, struct cr_error *err)
{
    const struct run_list *list = what;
    int rc = sample_add_header(w, CR_IMAGE_FORMAT, err);

    return rc == 0 ? cr_image_add_runs(w, list->runs, list->count, err) : rc;
}

int sample_write_runs(const struct cr_run *runs, size_t count, const char *path,
                      const struct cr_image_options *options, struct cr_image_record *ret_record,
                      struct cr_error *err)
{
    return write_image(add_runs, &(struct run_list){runs, count}, path, options, ret_record, err);
}

const char *sample_directory(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "/tmp/quiesce-image-XXXXXX");
    if (mkdtemp(path) == NULL)
        die("mkdtemp");
    return path;
}
