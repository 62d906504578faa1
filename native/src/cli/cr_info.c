/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_info FILE...: what an image holds. */
#include "cr_info.h"

#include "cr_fmt.h"
#include "image.pb.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (4UL << 30) /* reserved, not used */
#define EXIT_FAILED 1
#define EXIT_BAD_USAGE 2
#define EXIT_DAMAGED 7
#define EXIT_PERMISSION 9

int cr_info_next(const struct cr_info *info, uint32_t type, const pb_msgdesc_t *fields, size_t *at,
                 void *message)
{
    const void *data;
    size_t size;
    pb_istream_t stream;

    if (!cr_image_next_note(info->reader, type, at, &data, &size))
        return 0;
    stream = pb_istream_from_buffer(data, size);
    return pb_decode(&stream, fields, message);
}

int cr_info_first(const struct cr_info *info, uint32_t type, const pb_msgdesc_t *fields,
                  void *message)
{
    size_t at = 0;

    return cr_info_next(info, type, fields, &at, message);
}

const char *cr_info_file(const struct cr_info *info, uint32_t number)
{
    return number > 0 && number <= info->file_count ? info->files[number - 1] : "";
}

uint64_t cr_info_stored(const struct cr_info *info, uint64_t start, uint64_t end)
{
    const struct cr_image_reader *r = info->reader;
    uint64_t sum = 0;

    for (size_t i = 0; i < r->run_count && r->runs[i].start < end; i++) {
        uint64_t from = r->runs[i].start > start ? r->runs[i].start : start;
        uint64_t run_end = r->runs[i].start + r->runs[i].size;
        uint64_t to = run_end < end ? run_end : end;

        sum += from < to ? to - from : 0;
    }
    return sum;
}

const char *cr_info_area_words(unsigned kind)
{
    static const char *const words[] = {"private", "stack", "file-private", "file-shared",
                                        "shared",  "vdso",  "skipped"};

    return kind < sizeof(words) / sizeof(*words) ? words[kind] : "unknown";
}

const char *cr_info_descriptor_words(unsigned kind)
{
    static const char *const words[] = {"file", "standard", "device", "directory"};

    return kind < sizeof(words) / sizeof(*words) ? words[kind] : "unknown";
}

static void read_files(struct cr_info *info)
{
    static quiesce_image_MappedFiles files;
    size_t at = 0;

    while (cr_info_next(info, quiesce_image_NoteType_NOTE_MAPPED_FILES,
                        quiesce_image_MappedFiles_fields, &at, &files)) {
        size_t count = info->file_count + files.file_count;
        char **grown = realloc(info->files, count * sizeof(*grown));

        if (grown == NULL)
            return;
        info->files = grown;
        for (size_t i = 0; i < files.file_count; i++)
            info->files[info->file_count++] = strdup(files.file[i].path);
    }
}

static void free_files(struct cr_info *info)
{
    for (size_t i = 0; i < info->file_count; i++)
        free(info->files[i]);
    free(info->files);
}

static int exit_status(int code)
{
    if (code >= CR_ENOTIMAGE && code <= CR_EINCOMPLETE)
        return EXIT_DAMAGED;
    return code == 1 || code == 13 ? EXIT_PERMISSION : EXIT_FAILED;
}

static void print(const struct cr_info *info)
{
    if (info->options->json)
        cr_info_print_json(stdout, info);
    else
        cr_info_print_table(stdout, info);
}

/* Returns the exit status. */
static int show(struct cr_arena *arena, const char *path, const struct cr_info_options *options)
{
    struct cr_image_reader reader;
    struct cr_info info = {.path = path, .reader = &reader, .options = options};
    struct cr_error err = {0};
    int rc;

    cr_arena_reset(arena);
    rc = cr_image_open(arena, path, &reader, &err);
    if (rc < 0) {
        fprintf(stderr, "cr_info: %s\n", err.text);
        return exit_status(-rc);
    }
    rc = options->verify ? cr_image_verify(&reader, &err) : 0;
    if (rc < 0) {
        fprintf(stderr, "cr_info: %s: %s\n", path, err.text);
    } else {
        info.stored = reader.digests->data_size;
        read_files(&info);
        print(&info);
        free_files(&info);
    }
    cr_image_close(&reader);
    return rc < 0 ? exit_status(-rc) : 0;
}

static void usage(FILE *out)
{
    fputs(
        "Usage: cr_info [OPTION]... FILE...\n"
        "Prints what checkpoint images hold.\n\n"
        "  --json      as JSON, one object per line and file\n"
        "  --maps      each area of the address space\n"
        "  --verify    also read the page data and compare them with their digests\n"
        "  --help      this text\n"
        "  --version   the version\n\n"
        "Exit status: 0 done, 2 bad usage, 7 not an image, damaged or incomplete, 9 permission.\n",
        out);
}

/* Returns the exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct cr_info_options *options)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'},    {"maps", no_argument, NULL, 'm'},
        {"verify", no_argument, NULL, 'v'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        options->json |= option == 'j';
        options->maps |= option == 'm';
        options->verify |= option == 'v';
        if (option == 'h' || option == '?')
            usage(option == 'h' ? stdout : stderr);
        if (option == 'V')
            puts("cr_info (Quiesce) " QUIESCE_VERSION);
        if (option == 'h' || option == 'V')
            return 0;
        if (option == '?')
            return EXIT_BAD_USAGE;
    }
    if (optind < argc)
        return -1;
    usage(stderr);
    return EXIT_BAD_USAGE;
}

int main(int argc, char **argv)
{
    struct cr_info_options options = {0};
    struct cr_arena arena;
    int worst = parse(argc, argv, &options);

    if (worst >= 0)
        return worst;
    worst = 0;
    if (cr_arena_create(&arena, ARENA_SIZE) < 0) {
        fputs("cr_info: no address space left: is there a limit (ulimit -v)?\n", stderr);
        return EXIT_FAILED;
    }
    for (int i = optind; i < argc; i++) {
        int status = show(&arena, argv[i], &options);

        worst = status > worst ? status : worst;
    }
    if (fflush(stdout) != 0 && worst == 0) {
        perror("cr_info: standard output");
        worst = EXIT_FAILED;
    }
    return worst;
}
