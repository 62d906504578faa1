/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_info.h"

#include "cr_cli.h"
#include "image.pb.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <time.h>

#define KINDS 8

static void print_size(FILE *out, uint64_t bytes)
{
    char text[32];

    cr_cli_bytes(bytes, text, sizeof(text));
    fputs(text, out);
}

/* Text from an image may hold anything: what a terminal would act on is shown as '?'. */
static void print_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void print_row(FILE *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    fprintf(out, "  %-18s", name);
    print_text(out, text);
    fputc('\n', out);
}

static void print_time(FILE *out, int64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / 1000000000);
    struct tm utc;
    char text[64];

    if (gmtime_r(&seconds, &utc) == NULL)
        return;
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    print_row(out, "taken", text);
}

static void print_header(FILE *out, const struct cr_info *info)
{
    quiesce_image_Header h = quiesce_image_Header_init_zero;

    if (!cr_info_first(info, quiesce_image_NoteType_NOTE_HEADER, quiesce_image_Header_fields, &h))
        return;
    fprintf(out, "  %-18s%" PRIu32 ", command ", "process", h.pid);
    print_text(out, h.command);
    fprintf(out, h.generation > 0 ? ", restarted %" PRIu32 " times\n" : "\n", h.generation);
    print_time(out, h.taken_at_realtime_ns);
    fprintf(out, "  %-18s%" PRIu32 ", written by Quiesce ", "format", h.format_version);
    print_text(out, h.quiesce_version);
    fputc('\n', out);
}

static void print_host(FILE *out, const struct cr_info *info)
{
    quiesce_image_Host h = quiesce_image_Host_init_zero;

    if (!cr_info_first(info, quiesce_image_NoteType_NOTE_HOST, quiesce_image_Host_fields, &h))
        return;
    fprintf(out, "  %-18s", "host");
    print_text(out, h.hostname);
    fputs(", kernel ", out);
    print_text(out, h.kernel_release);
    fputs(", ", out);
    print_text(out, h.machine);
    fputc('\n', out);
}

static void print_rank(FILE *out, const struct cr_info *info)
{
    quiesce_image_Rank r = quiesce_image_Rank_init_zero;

    if (!cr_info_first(info, quiesce_image_NoteType_NOTE_RANK, quiesce_image_Rank_fields, &r))
        return;
    fprintf(out, "  %-18s%" PRIu32 " of %" PRIu32 ", checkpoint %" PRIu32 " of job ", "rank",
            r.rank, r.size, r.sequence);
    print_text(out, r.job);
    fputc('\n', out);
}

static void print_user(FILE *out, const struct cr_info *info)
{
    quiesce_image_Credentials c;

    if (cr_info_first(info, quiesce_image_NoteType_NOTE_CREDENTIALS,
                      quiesce_image_Credentials_fields, &c))
        fprintf(out, "  %-18s%" PRIu32 " (effective %" PRIu32 "), group %" PRIu32 "\n", "user",
                c.uid[0], c.uid[1], c.gid[0]);
}

static void print_process(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Mm mm;
    static quiesce_image_Process process;

    if (cr_info_first(info, quiesce_image_NoteType_NOTE_MM, quiesce_image_Mm_fields, &mm))
        print_row(out, "executable", mm.executable);
    if (cr_info_first(info, quiesce_image_NoteType_NOTE_PROCESS, quiesce_image_Process_fields,
                      &process))
        print_row(out, "working directory", process.working_directory);
    print_user(out, info);
}

static void print_sizes(FILE *out, const struct cr_info *info)
{
    struct cr_image_record record;

    cr_image_identify(info->reader, &record);
    fprintf(out, "  %-18s", "size");
    print_size(out, record.bytes);
    fputs(", of that ", out);
    print_size(out, info->stored);
    fprintf(out, " of memory in %zu pieces\n", info->reader->run_count);
    fprintf(out, "  %-18s%016" PRIx64 "%016" PRIx64 "\n", "identity", record.digest_high,
            record.digest_low);
    if (info->options->verify)
        print_row(out, "verified", "every byte fits its digest");
}

static void print_threads(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Threads threads;
    size_t at = 0;

    fputs("\n  thread   name\n", out);
    while (cr_info_next(info, quiesce_image_NoteType_NOTE_THREADS, quiesce_image_Threads_fields,
                        &at, &threads)) {
        for (size_t i = 0; i < threads.thread_count; i++) {
            fprintf(out, "  %-9" PRIu32, threads.thread[i].tid);
            print_text(out, threads.thread[i].name);
            fputs(threads.thread[i].agent ? " (agent)\n" : "\n", out);
        }
    }
}

static void print_descriptors(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Descriptors d;
    size_t at = 0;
    int first = 1;

    while (cr_info_next(info, quiesce_image_NoteType_NOTE_DESCRIPTORS,
                        quiesce_image_Descriptors_fields, &at, &d)) {
        for (size_t i = 0; i < d.descriptor_count; i++) {
            const quiesce_image_Descriptor *one = &d.descriptor[i];

            if (first)
                fputs("\n  fd     kind           offset        path\n", out);
            first = 0;
            fprintf(out, "  %-7" PRId32 "%-15s%-14" PRId64, one->fd,
                    cr_info_descriptor_words(one->kind), one->offset);
            print_text(out, one->path);
            fputs(one->in_flight ? " (in flight)\n" : "\n", out);
        }
    }
}

static void print_map(FILE *out, const struct cr_info *info, const quiesce_image_Area *a)
{
    fprintf(out, "  %012" PRIx64 "-%012" PRIx64 " %c%c%c %-13s", a->start, a->end,
            a->protection & PROT_READ ? 'r' : '-', a->protection & PROT_WRITE ? 'w' : '-',
            a->protection & PROT_EXEC ? 'x' : '-', cr_info_area_words(a->kind));
    fprintf(out, "%10" PRIu64 " KiB ", cr_info_stored(info, a->start, a->end) >> 10);
    print_text(out, a->file != 0 ? cr_info_file(info, a->file) : a->name);
    fputc('\n', out);
}

static void print_areas(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Areas areas;
    uint64_t bytes[KINDS] = {0};
    uint64_t count[KINDS] = {0};
    size_t at = 0;

    if (info->options->maps)
        fputs("\n  addresses                 prot kind         stored         name\n", out);
    while (cr_info_next(info, quiesce_image_NoteType_NOTE_AREAS, quiesce_image_Areas_fields, &at,
                        &areas)) {
        for (size_t i = 0; i < areas.area_count; i++) {
            const quiesce_image_Area *a = &areas.area[i];
            unsigned kind = a->kind < KINDS ? a->kind : KINDS - 1;

            bytes[kind] += a->end - a->start;
            count[kind]++;
            if (info->options->maps)
                print_map(out, info, a);
        }
    }
    fputs("\n  areas  kind          address space\n", out);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        if (count[kind] == 0)
            continue;
        fprintf(out, "  %-7" PRIu64 "%-14s", count[kind], cr_info_area_words(kind));
        print_size(out, bytes[kind]);
        fputc('\n', out);
    }
}

/* What programs and requesters wished to be left out. */
static void print_left_out(FILE *out, const struct cr_info *info)
{
    quiesce_image_LeftOut l = quiesce_image_LeftOut_init_zero;

    if (!cr_info_first(info, quiesce_image_NoteType_NOTE_LEFT_OUT, quiesce_image_LeftOut_fields,
                       &l))
        return;
    fprintf(out, "  %-18s", "left out");
    print_size(out, l.dontdump + l.freed + l.program + l.request);
    fputs(": ", out);
    print_size(out, l.dontdump);
    fputs(" by MADV_DONTDUMP, ", out);
    print_size(out, l.freed);
    fputs(" by MADV_FREE, ", out);
    print_size(out, l.program);
    fputs(" by the program, ", out);
    print_size(out, l.request);
    fputs(" by --exclude\n", out);
}

/* Every other kind of state, in one line each. */
static void print_others(FILE *out, const struct cr_info *info)
{
    unsigned type = CR_INFO_FIRST_OTHER - 1;
    uint64_t bytes;
    size_t count;
    int first = 1;

    while ((type = cr_info_next_kind(info, type, &count, &bytes)) != 0) {
        if (first)
            fputs("\n  notes  kind                  bytes\n", out);
        first = 0;
        fprintf(out, "  %-7zu%-22s%" PRIu64 "\n", count, cr_info_note_words(type), bytes);
    }
}

void cr_info_print_table(FILE *out, const struct cr_info *info)
{
    fprintf(out, "%s\n", info->path);
    print_header(out, info);
    print_host(out, info);
    print_rank(out, info);
    print_process(out, info);
    print_sizes(out, info);
    print_left_out(out, info);
    print_threads(out, info);
    print_areas(out, info);
    print_descriptors(out, info);
    print_others(out, info);
}
