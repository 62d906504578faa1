/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_check.h"

#include "cr_fd_files.h"
#include "cr_policy.h"
#include "cr_state_mapped.h"
#include "cr_state_util.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define HEX_SIZE (2 * sizeof(((quiesce_image_MappedFile *)0)->build_id.bytes) + 1)

static void to_hex(const uint8_t *bytes, size_t count, char *out, size_t size)
{
    size_t length = cr_str_copy(out, size, count == 0 ? "none" : "");

    for (size_t i = 0; i < count; i++)
        length += cr_fmt(out + length, size - length, "%02x", (unsigned)bytes[i]);
}

static int fail_missing(const char *path, int rc, const char *use, struct cr_error *err)
{
    return cr_fail(err, rc == -ENOENT || rc == -ENOTDIR ? CR_EFILEMISSING : -rc,
                   "%s, which the program %s, cannot be opened here: %s; put the file back, or "
                   "restart where it is",
                   path, use, cr_error_words(-rc));
}

static int check_build_id(const quiesce_image_MappedFile *file, int fd, struct cr_error *err)
{
    uint8_t now[sizeof(file->build_id.bytes)];
    size_t size = cr_mapped_build_id(fd, 0, now, sizeof(now));
    char hex_then[HEX_SIZE];
    char hex_now[HEX_SIZE];

    if (size == file->build_id.size && memcmp(now, file->build_id.bytes, size) == 0)
        return 0;
    to_hex(file->build_id.bytes, file->build_id.size, hex_then, sizeof(hex_then));
    to_hex(now, size, hex_now, sizeof(hex_now));
    return cr_fail(err, CR_EFILECHANGED,
                   "%s is not the file that the program had mapped (build-id then %s, now %s); "
                   "restart where the same version is installed",
                   file->path, hex_then, hex_now);
}

/* Does a restart by this rule put contents back that are in the image? */
static int is_put_back(int rule)
{
    return rule != CR_FILES_REFERENCE && rule != CR_FILES_CHECK;
}

/* A file that is only mapped shared may have other contents by now: it has no mtime in the image. */
static int check_data(const quiesce_image_MappedFile *file, const struct stat *st,
                      struct cr_error *err)
{
    if (file->mtime_ns == 0 && (uint64_t)st->st_size < file->size)
        return cr_fail(err, CR_EFILECHANGED,
                       "%s, which the program has mapped, has %lu bytes and had %lu; put its "
                       "contents back",
                       file->path, (unsigned long)st->st_size, (unsigned long)file->size);
    if (file->mtime_ns != 0 &&
        ((uint64_t)st->st_size != file->size || cr_stat_mtime_ns(st) != file->mtime_ns))
        return cr_fail(err, CR_EFILECHANGED,
                       "%s, which the program has mapped, was changed since (size or time of last "
                       "change); restart where the same version is installed",
                       file->path);
    return 0;
}

/* What was mapped shared may have changed since, unless the user does not want that. */
static int check_unchanged(const quiesce_image_MappedFile *file, const struct stat *st,
                           struct cr_error *err)
{
    if ((uint64_t)st->st_size == file->size && cr_stat_mtime_ns(st) == file->changed_ns)
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s, which the program has mapped, was changed since (size or time of last "
                   "change); put it back, or restart without --files=check",
                   file->path);
}

int cr_state_check_mapped_file(const quiesce_image_MappedFile *file, int rule, struct cr_error *err)
{
    struct stat st;
    int fd;
    int rc;

    if (file->deleted || (file->contents && file->whole && is_put_back(rule)))
        return 0;
    fd = cr_sys_open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0)
        return fail_missing(file->path, fd, "has mapped", err);
    rc = cr_sys_fstat(fd, &st);
    if (rc < 0)
        rc = fail_missing(file->path, rc, "has mapped", err);
    else if (file->build_id.size > 0)
        rc = check_build_id(file, fd, err);
    else if (rule == CR_FILES_CHECK && file->changed_ns != 0)
        rc = check_unchanged(file, &st, err);
    else if (!file->contents || !is_put_back(rule))
        rc = check_data(file, &st, err);
    cr_sys_close(fd);
    return rc;
}

static int wanted_access(uint32_t status_flags)
{
    switch (status_flags & O_ACCMODE) {
    case O_RDONLY:
        return 4;
    case O_WRONLY:
        return 2;
    default:
        return 6;
    }
}

/* Kinds that are nothing but what stands under a path. */
static int is_by_path(const quiesce_image_Descriptor *d)
{
    return d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_FILE ||
           d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_DEVICE ||
           d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_DIRECTORY;
}

/* The image has the contents of the file, and they are wanted. */
static int has_contents(const quiesce_image_Descriptor *d, int rule)
{
    return d->files == CR_FILES_CONTENTS && is_put_back(rule);
}

static int check_same(const quiesce_image_Descriptor *d, const struct stat *st,
                      struct cr_error *err)
{
    if (d->kind != quiesce_image_DescriptorKind_DESCRIPTOR_FILE ||
        ((uint64_t)st->st_size == d->size && cr_stat_mtime_ns(st) == d->mtime_ns))
        return 0;
    return cr_fail(err, CR_EFILECHANGED,
                   "%s (descriptor %d) was changed since the image was taken (size or time of last "
                   "change); put it back, or restart with --files=reference",
                   d->path, d->fd);
}

int cr_state_check_descriptor(const quiesce_image_Descriptor *d, int rule, struct cr_error *err)
{
    struct stat st;
    int rc;

    if (d->same_as >= 0 || !is_by_path(d))
        return 0;
    rc = cr_sys_stat(d->path, &st);
    if (rc == -ENOENT && has_contents(d, rule))
        return 0;
    if (rc == 0 && !(d->status_flags & O_PATH))
        rc = (int)cr_sys(SYS_faccessat, AT_FDCWD, d->path, wanted_access(d->status_flags));
    if (rc < 0)
        return fail_missing(d->path, rc, "has open", err);
    if (d->kind == quiesce_image_DescriptorKind_DESCRIPTOR_FILE && !has_contents(d, rule) &&
        (uint64_t)st.st_size < d->size)
        return cr_fail(err, CR_EFILECHANGED,
                       "%s (descriptor %d) has %lu bytes and had %lu when the image was taken; put "
                       "its contents back and restart",
                       d->path, d->fd, (unsigned long)st.st_size, (unsigned long)d->size);
    if (rule == CR_FILES_CHECK && d->files != CR_FILES_CHECK)
        return check_same(d, &st, err);
    return rule != CR_FILES_REFERENCE ? cr_fd_files_check(d, err) : 0;
}

static int check_mapped_note(const struct cr_note *note, int rule, void *memory,
                             struct cr_error *err)
{
    quiesce_image_MappedFiles *message = memory;
    int rc = cr_state_decode(note, quiesce_image_MappedFiles_fields, message, err);

    for (pb_size_t i = 0; rc == 0 && i < message->file_count; i++)
        rc = cr_state_check_mapped_file(&message->file[i], rule, err);
    return rc;
}

static int check_descriptors_note(const struct cr_note *note, int rule, void *memory,
                                  struct cr_error *err)
{
    quiesce_image_Descriptors *message = memory;
    int rc = cr_state_decode(note, quiesce_image_Descriptors_fields, message, err);

    for (pb_size_t i = 0; rc == 0 && i < message->descriptor_count; i++)
        rc = cr_state_check_descriptor(&message->descriptor[i], rule, err);
    return rc;
}

static int check_process_note(const struct cr_note *note, void *memory, struct cr_error *err)
{
    quiesce_image_Process *message = memory;
    struct stat st;
    int rc = cr_state_decode(note, quiesce_image_Process_fields, message, err);

    if (rc < 0)
        return rc;
    rc = cr_sys_stat(message->working_directory, &st);
    return rc < 0 ? fail_missing(message->working_directory, rc, "has as working directory", err)
                  : 0;
}

union messages {
    quiesce_image_MappedFiles mapped;
    quiesce_image_Descriptors descriptors;
    quiesce_image_Process process;
};

static int check_note(const struct cr_note *note, int rule, void *memory, struct cr_error *err)
{
    switch (note->type) {
    case quiesce_image_NoteType_NOTE_MAPPED_FILES:
        return check_mapped_note(note, rule, memory, err);
    case quiesce_image_NoteType_NOTE_DESCRIPTORS:
        return check_descriptors_note(note, rule, memory, err);
    case quiesce_image_NoteType_NOTE_PROCESS:
        return check_process_note(note, memory, err);
    default:
        return 0;
    }
}

int cr_state_check_files(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    void *memory;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    memory = cr_arena_alloc(&scratch.arena, sizeof(union messages));
    rc = memory != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next)
        rc = check_note(note, state->files_rule - 1, memory, err);
    cr_scratch_end(&scratch);
    return rc;
}
