/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_info FILE...: what an image holds. */
#include "cr_info.h"

#include "cr_info_group.h"
#include "cr_spool.h"
#include "image.pb.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What is asked for more than once is read once. */
static void prepare(struct cr_info *info)
{
    info->stored = info->reader->digests->data_size;
    info->files = NULL;
    info->file_count = 0;
    read_files(info);
}

static void print(struct cr_info *info)
{
    prepare(info);
    if (info->options->json)
        cr_info_print_json(stdout, info);
    else
        cr_info_print_table(stdout, info);
    free_files(info);
}

/* An image that was opened, as text. Returns 0 or a negative code. */
static int show_image(struct cr_info *info, struct cr_error *err)
{
    int rc = info->options->verify ? cr_image_verify(info->reader, err) : 0;

    if (rc == 0)
        print(info);
    return rc;
}

/* One image is already what unpacking would give. */
static int copy_single(const struct cr_info *info, struct cr_error *err)
{
    quiesce_image_Header h = quiesce_image_Header_init_zero;
    char path[PATH_MAX];
    int to;
    int rc;

    cr_info_first(info, quiesce_image_NoteType_NOTE_HEADER, quiesce_image_Header_fields, &h);
    if (mkdir(info->options->unpack, 0700) < 0 && errno != EEXIST)
        return cr_fail(err, errno, "cannot make the directory %s: %s", info->options->unpack,
                       strerror(errno));
    snprintf(path, sizeof(path), "%s/%" PRIu32 ".cr", info->options->unpack, h.pid);
    to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return cr_fail(err, errno, "cannot make %s: %s", path, strerror(errno));
    rc = cr_spool_copy_range(info->reader->fd, info->reader->base, info->reader->file_size, to,
                             info->path, err);
    close(to);
    if (rc == 0)
        printf("%s: 1 image in %s\n", info->path, info->options->unpack);
    return rc;
}

static int show_single(struct cr_arena *arena, struct cr_info *info, struct cr_error *err)
{
    struct cr_image_reader reader;
    int rc = cr_image_open(arena, info->path, &reader, err);

    if (rc < 0)
        return rc;
    info->reader = &reader;
    rc = info->options->unpack != NULL ? copy_single(info, err) : show_image(info, err);
    if (rc == 0 && info->options->json && info->options->unpack == NULL)
        putchar('\n');
    cr_image_close(&reader);
    return rc;
}

static int show_member(struct cr_info_group *group, const quiesce_group_Member *member,
                       struct cr_error *err)
{
    struct cr_arena arena;
    struct cr_image_reader reader;
    char words[64];
    struct cr_info info = {.path = words, .reader = &reader, .options = group->options};
    int rc;

    snprintf(words, sizeof(words), "process %d", member->pid);
    if (cr_arena_create(&arena, ARENA_SIZE) < 0)
        return cr_fail(err, ENOMEM, "no address space left: is there a limit (ulimit -v)?");
    rc = cr_manifest_open_image(&arena, group->manifest, group->path, member, &reader, err);
    if (rc == 0) {
        rc = show_image(&info, err);
        cr_image_close(&reader);
    }
    cr_arena_destroy(&arena);
    return rc;
}

static int show_group(struct cr_info_group *group, struct cr_error *err)
{
    const struct cr_manifest *m = group->manifest;
    int first = 1;
    int rc = 0;

    cr_info_group_begin(stdout, group);
    for (size_t i = 0; rc == 0 && i < m->member_count; i++) {
        if (m->members[i].size == 0)
            continue;
        if (group->options->json && !first)
            putchar(',');
        else if (!group->options->json)
            putchar('\n');
        first = 0;
        rc = show_member(group, &m->members[i], err);
    }
    cr_info_group_end(stdout, group);
    return rc;
}

static int unpack(struct cr_info *info, struct cr_error *err)
{
    const char *out = info->options->unpack;
    int count;

    if (mkdir(out, 0700) < 0 && errno != EEXIST)
        return cr_fail(err, errno, "cannot make the directory %s: %s", out, strerror(errno));
    count = cr_spool_split(info->path, out, ".cr", err);
    if (count < 0)
        return count;
    printf("%s: %d images in %s\n", info->path, count, out);
    return 0;
}

/* Without a manifest it is one image, or none. Returns 0 or a negative code. */
static int show_any(struct cr_arena *arena, struct cr_info *info, struct cr_error *err)
{
    struct cr_manifest manifest;
    struct cr_info_group group = {info->path, &manifest, info->options};
    int rc = cr_manifest_open(arena, info->path, &manifest, err);

    if (rc == -CR_ENOTIMAGE) {
        *err = (struct cr_error){0};
        return show_single(arena, info, err);
    }
    if (rc < 0)
        return rc;
    rc = info->options->unpack != NULL ? unpack(info, err) : show_group(&group, err);
    cr_manifest_close(&manifest);
    return rc;
}

static int is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Returns the exit status. */
static int show(struct cr_arena *arena, const char *path, const struct cr_info_options *options)
{
    struct cr_info info = {.path = path, .options = options};
    struct cr_error err = {0};
    char joined[PATH_MAX];
    int fd = -1;
    int rc = 0;

    cr_arena_reset(arena);
    if (is_directory(path)) {
        rc = fd = cr_spool_join(path, joined, &err);
        if (fd > 0)
            snprintf(joined, sizeof(joined), "/proc/self/fd/%d", fd);
        info.path = joined;
    }
    if (rc >= 0)
        rc = show_any(arena, &info, &err);
    if (fd > 0)
        close(fd);
    if (rc < 0)
        fprintf(stderr, "cr_info: %s%s%s\n", strstr(err.text, path) == NULL ? path : "",
                strstr(err.text, path) == NULL ? ": " : "", err.text);
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
        "  --unpack OUT  write the image of each process as PID.cr into the directory OUT\n"
        "  --help      this text\n"
        "  --version   the version\n\n"
        "Exit status: 0 done, 2 bad usage, 7 not an image, damaged or incomplete, 9 permission.\n",
        out);
}

/* Returns the exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct cr_info_options *options)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'},
        {"maps", no_argument, NULL, 'm'},
        {"verify", no_argument, NULL, 'v'},
        {"unpack", required_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        options->json |= option == 'j';
        options->maps |= option == 'm';
        options->verify |= option == 'v';
        options->unpack = option == 'u' ? optarg : options->unpack;
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
