/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. One object per image, on one line. Addresses are strings, since JSON numbers lose bits above 2^53. */
#include "cr_info.h"

#include "cr_cli.h"
#include "image.pb.h"

#include <inttypes.h>

static void put_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, ",\"%s\":", name);
    cr_cli_json(out, text);
}

static void put_number(FILE *out, const char *name, int64_t value)
{
    fprintf(out, ",\"%s\":%" PRId64, name, value);
}

static void put_header(FILE *out, const struct cr_info *info)
{
    quiesce_image_Header h = quiesce_image_Header_init_zero;
    quiesce_image_Host host = quiesce_image_Host_init_zero;

    cr_info_first(info, quiesce_image_NoteType_NOTE_HEADER, quiesce_image_Header_fields, &h);
    cr_info_first(info, quiesce_image_NoteType_NOTE_HOST, quiesce_image_Host_fields, &host);
    put_number(out, "formatVersion", h.format_version);
    put_text(out, "quiesceVersion", h.quiesce_version);
    put_number(out, "pid", h.pid);
    put_text(out, "command", h.command);
    put_number(out, "generation", h.generation);
    put_number(out, "takenAtMillis", h.taken_at_realtime_ns / 1000000);
    put_text(out, "host", host.hostname);
    put_text(out, "kernel", host.kernel_release);
    put_text(out, "machine", host.machine);
}

static void put_rank(FILE *out, const struct cr_info *info)
{
    quiesce_image_Rank r = quiesce_image_Rank_init_zero;

    if (!cr_info_first(info, quiesce_image_NoteType_NOTE_RANK, quiesce_image_Rank_fields, &r))
        return;
    fprintf(out, ",\"rank\":{\"rank\":%" PRIu32, r.rank);
    put_number(out, "size", r.size);
    put_number(out, "sequence", r.sequence);
    put_text(out, "job", r.job);
    fputc('}', out);
}

static void put_process(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Mm mm;
    static quiesce_image_Process process;
    quiesce_image_Credentials user;

    if (cr_info_first(info, quiesce_image_NoteType_NOTE_MM, quiesce_image_Mm_fields, &mm))
        put_text(out, "executable", mm.executable);
    if (cr_info_first(info, quiesce_image_NoteType_NOTE_PROCESS, quiesce_image_Process_fields,
                      &process))
        put_text(out, "workingDirectory", process.working_directory);
    if (cr_info_first(info, quiesce_image_NoteType_NOTE_CREDENTIALS,
                      quiesce_image_Credentials_fields, &user))
        fprintf(out, ",\"user\":%" PRIu32 ",\"group\":%" PRIu32, user.uid[0], user.gid[0]);
}

static void put_threads(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Threads threads;
    const char *separator = "";
    size_t at = 0;

    fputs(",\"threads\":[", out);
    while (cr_info_next(info, quiesce_image_NoteType_NOTE_THREADS, quiesce_image_Threads_fields,
                        &at, &threads)) {
        for (size_t i = 0; i < threads.thread_count; i++) {
            fprintf(out, "%s{\"tid\":%" PRIu32, separator, threads.thread[i].tid);
            put_text(out, "name", threads.thread[i].name);
            fprintf(out, ",\"agent\":%s}", threads.thread[i].agent ? "true" : "false");
            separator = ",";
        }
    }
    fputc(']', out);
}

static void put_areas(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Areas areas;
    const char *separator = "";
    size_t at = 0;

    fputs(",\"areas\":[", out);
    while (cr_info_next(info, quiesce_image_NoteType_NOTE_AREAS, quiesce_image_Areas_fields, &at,
                        &areas)) {
        for (size_t i = 0; i < areas.area_count; i++) {
            const quiesce_image_Area *a = &areas.area[i];

            fprintf(out, "%s{\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64 "\"", separator,
                    a->start, a->end);
            put_number(out, "protection", a->protection);
            put_text(out, "kind", cr_info_area_words(a->kind));
            put_number(out, "storedBytes", (int64_t)cr_info_stored(info, a->start, a->end));
            put_text(out, "name", a->file != 0 ? cr_info_file(info, a->file) : a->name);
            fputc('}', out);
            separator = ",";
        }
    }
    fputc(']', out);
}

static void put_descriptors(FILE *out, const struct cr_info *info)
{
    static quiesce_image_Descriptors d;
    const char *separator = "";
    size_t at = 0;

    fputs(",\"descriptors\":[", out);
    while (cr_info_next(info, quiesce_image_NoteType_NOTE_DESCRIPTORS,
                        quiesce_image_Descriptors_fields, &at, &d)) {
        for (size_t i = 0; i < d.descriptor_count; i++) {
            const quiesce_image_Descriptor *one = &d.descriptor[i];

            fprintf(out, "%s{\"fd\":%" PRId32, separator, one->fd);
            put_text(out, "kind", cr_info_descriptor_words(one->kind));
            put_text(out, "path", one->path);
            put_number(out, "offset", one->offset);
            put_number(out, "size", (int64_t)one->size);
            if (one->in_flight)
                fputs(",\"queued\":true", out);
            fputc('}', out);
            separator = ",";
        }
    }
    fputc(']', out);
}

static void put_others(FILE *out, const struct cr_info *info)
{
    quiesce_image_LeftOut l = quiesce_image_LeftOut_init_zero;
    unsigned type = CR_INFO_FIRST_OTHER - 1;
    const char *separator = "";
    uint64_t bytes;
    size_t count;

    cr_info_first(info, quiesce_image_NoteType_NOTE_LEFT_OUT, quiesce_image_LeftOut_fields, &l);
    fprintf(out,
            ",\"leftOut\":{\"dontdump\":%" PRIu64 ",\"freed\":%" PRIu64 ",\"program\":%" PRIu64
            ",\"request\":%" PRIu64 "},\"notes\":{",
            l.dontdump, l.freed, l.program, l.request);
    while ((type = cr_info_next_kind(info, type, &count, &bytes)) != 0) {
        fputs(separator, out);
        cr_cli_json(out, cr_info_note_words(type));
        fprintf(out, ":%zu", count);
        separator = ",";
    }
    fputc('}', out);
}

void cr_info_print_json(FILE *out, const struct cr_info *info)
{
    struct cr_image_record record;

    cr_image_identify(info->reader, &record);
    fputs("{\"file\":", out);
    cr_cli_json(out, info->path);
    put_number(out, "bytes", (int64_t)record.bytes);
    put_number(out, "memoryBytes", (int64_t)info->stored);
    put_number(out, "pieces", (int64_t)info->reader->run_count);
    fprintf(out, ",\"identity\":\"%016" PRIx64 "%016" PRIx64 "\"", record.digest_high,
            record.digest_low);
    fprintf(out, ",\"verified\":%s", info->options->verify ? "true" : "false");
    put_header(out, info);
    put_rank(out, info);
    put_process(out, info);
    put_threads(out, info);
    if (info->options->maps)
        put_areas(out, info);
    put_descriptors(out, info);
    put_others(out, info);
    fputc('}', out);
}
