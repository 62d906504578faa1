/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_spool.h"

#include "cr_manifest.h"
#include "cr_tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE (1UL << 20)
#define ARENA_SIZE (4UL << 30) /* reserved, not used */
#define RECORD_PREFIX 12
#define MANIFEST_MAX (1L << 30)

static int failed(int code, const char *what, const char *name, struct cr_error *err)
{
    return cr_fail(err, code, "cannot %s %s: %s", what, name, strerror(code));
}

int cr_spool_make(const char *folder, struct cr_error *err)
{
    const char *chosen = folder != NULL ? folder : getenv("TMPDIR");
    int fd;

    if (chosen == NULL || chosen[0] == '\0')
        chosen = "/tmp";
    fd = open(chosen, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd < 0 ? failed(errno, "make a temporary file in", chosen, err) : fd;
}

static int write_all(int to, const char *bytes, size_t size, struct cr_error *err)
{
    while (size > 0) {
        ssize_t n = write(to, bytes, size);
        if (n < 0 && errno != EINTR)
            return failed(errno, "write", "the copy of an image", err);
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int cr_spool_copy(int from, int to, const char *name, struct cr_error *err)
{
    char *buffer = malloc(BUFFER_SIZE);
    ssize_t n = 0;
    int rc = buffer != NULL ? 0 : failed(ENOMEM, "read", name, err);

    while (rc == 0 && ((n = read(from, buffer, BUFFER_SIZE)) > 0 || (n < 0 && errno == EINTR)))
        rc = n > 0 ? write_all(to, buffer, (size_t)n, err) : 0;
    if (rc == 0 && n < 0)
        rc = failed(errno, "read", name, err);
    free(buffer);
    return rc;
}

int cr_spool_copy_range(int from, uint64_t offset, uint64_t size, int to, const char *name,
                        struct cr_error *err)
{
    char *buffer = malloc(BUFFER_SIZE);
    int rc = buffer != NULL ? 0 : failed(ENOMEM, "read", name, err);

    while (rc == 0 && size > 0) {
        size_t wanted = size < BUFFER_SIZE ? size : BUFFER_SIZE;
        ssize_t n = pread(from, buffer, wanted, (off_t)offset);
        if (n == 0 || (n < 0 && errno != EINTR))
            rc = n < 0 ? failed(errno, "read", name, err)
                       : cr_fail(err, CR_EINCOMPLETE, "%s is shorter than it says", name);
        if (rc == 0 && n > 0)
            rc = write_all(to, buffer, (size_t)n, err);
        offset += n > 0 ? (uint64_t)n : 0;
        size -= n > 0 ? (uint64_t)n : 0;
    }
    free(buffer);
    return rc;
}

/* The only image of a directory. */
static int find_single(const char *directory, char *ret_path, struct cr_error *err)
{
    const struct dirent *entry;
    DIR *d = opendir(directory);
    int count = 0;

    if (d == NULL)
        return failed(errno, "read the directory", directory, err);
    while ((entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, "context.", 8) != 0)
            continue;
        snprintf(ret_path, PATH_MAX, "%s/%s", directory, entry->d_name);
        count++;
    }
    closedir(d);
    if (count == 1)
        return 0;
    return cr_fail(err, count == 0 ? ENOENT : CR_EINCOMPLETE, "%s has %s", directory,
                   count == 0 ? "no image (context.PID)" : "several images, but no manifest.pb");
}

/* One process's image to the place that the manifest gives it. */
static int join_member(const char *directory, const quiesce_group_Member *member, int to,
                       struct cr_error *err)
{
    uint8_t head[CR_TAR_HEAD];
    char path[PATH_MAX];
    char name[32];
    struct stat st;
    int from;
    int rc = 0;

    snprintf(name, sizeof(name), "%d.cr", member->pid);
    snprintf(path, sizeof(path), "%s/context.%d", directory, member->pid);
    from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) < 0)
        rc = failed(errno, "read the image", path, err);
    if (rc == 0 && ((uint64_t)st.st_size != member->size || member->offset < CR_TAR_HEAD))
        rc = cr_fail(err, CR_EDAMAGED, "%s is not the image that the manifest names", path);
    if (rc == 0) {
        cr_tar_image_head(head, name, member->size, st.st_mtime);
        if (pwrite(to, head, sizeof(head), (off_t)(member->offset - CR_TAR_HEAD)) < 0 ||
            lseek(to, (off_t)member->offset, SEEK_SET) < 0)
            rc = failed(errno, "write", "the copy of an image", err);
    }
    if (rc == 0)
        rc = cr_spool_copy_range(from, 0, member->size, to, path, err);
    if (from >= 0)
        close(from);
    return rc;
}

static uint32_t read_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* All images; the records are checked when the whole is opened. Returns the end of the last one in RET_END. */
static int join_members(const char *directory, const uint8_t *text, size_t size, int to,
                        uint64_t *ret_end, struct cr_error *err)
{
    quiesce_group_Member member;
    uint64_t end = 0;
    int rc = 0;

    for (size_t at = 0; rc == 0 && size - at >= RECORD_PREFIX;) {
        uint32_t length = read_u32(text + at + 4);
        pb_istream_t stream;

        if (length > size - at - RECORD_PREFIX)
            break;
        stream = pb_istream_from_buffer(text + at + RECORD_PREFIX, length);
        if (read_u32(text + at) == quiesce_group_RecordType_RECORD_MEMBER &&
            pb_decode(&stream, quiesce_group_Member_fields, &member) && member.size > 0) {
            rc = join_member(directory, &member, to, err);
            end = member.offset + CR_TAR_UP(member.size);
        }
        at += RECORD_PREFIX + length;
    }
    *ret_end = end;
    return rc;
}

static int join_all(const char *directory, const uint8_t *text, size_t size, int to,
                    struct cr_error *err)
{
    uint8_t head[CR_TAR_BLOCK];
    uint64_t end = 0;
    int rc = join_members(directory, text, size, to, &end, err);

    if (rc < 0)
        return rc;
    cr_tar_plain_head(head, CR_MANIFEST_NAME, size, 0);
    if (pwrite(to, head, sizeof(head), (off_t)end) < 0 ||
        pwrite(to, text, size, (off_t)(end + sizeof(head))) < 0 ||
        ftruncate(to, (off_t)(end + sizeof(head) + CR_TAR_UP(size) + 2 * CR_TAR_BLOCK)) < 0)
        return failed(errno, "write", "the copy of an image", err);
    return 0;
}

int cr_spool_join(const char *directory, char *ret_path, struct cr_error *err)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    struct stat st;
    int from;
    int to = -1;
    int rc = 0;

    snprintf(path, sizeof(path), "%s/" CR_MANIFEST_NAME, directory);
    from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return errno == ENOENT ? find_single(directory, ret_path, err)
                               : failed(errno, "read", path, err);
    if (fstat(from, &st) < 0 || st.st_size <= 0 || st.st_size > MANIFEST_MAX ||
        (text = malloc((size_t)st.st_size)) == NULL ||
        read(from, text, (size_t)st.st_size) != st.st_size)
        rc = cr_fail(err, CR_EDAMAGED, "%s cannot be read as the manifest of a checkpoint", path);
    if (rc == 0)
        rc = to = cr_spool_make(access(directory, W_OK) == 0 ? directory : NULL, err);
    if (rc >= 0)
        rc = join_all(directory, text, (size_t)st.st_size, to, err);
    close(from);
    free(text);
    if (rc < 0 && to >= 0)
        close(to);
    return rc < 0 ? rc : to;
}

/* Writes a part of the file FROM as FOLDER/NAME. */
static int split_part(int from, uint64_t offset, uint64_t size, const char *folder,
                      const char *name, struct cr_error *err)
{
    char path[PATH_MAX];
    int to;
    int rc;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return failed(errno, "make", path, err);
    rc = cr_spool_copy_range(from, offset, size, to, path, err);
    if (close(to) < 0 && rc == 0)
        rc = failed(errno, "write", path, err);
    return rc;
}

/* The manifest's own bytes, behind the last image. */
static int split_manifest(const struct cr_manifest *m, const char *folder, struct cr_error *err)
{
    struct cr_tar_entry entry;
    uint8_t head[CR_TAR_HEAD];
    uint64_t end = 0;
    ssize_t n;

    for (size_t i = 0; i < m->member_count; i++)
        if (m->members[i].size > 0 && m->members[i].offset + CR_TAR_UP(m->members[i].size) > end)
            end = m->members[i].offset + CR_TAR_UP(m->members[i].size);
    n = pread(m->fd, head, sizeof(head), (off_t)end);
    if (n <= 0 || cr_tar_parse(head, (uint64_t)n, &entry) != 1)
        return cr_fail(err, CR_EDAMAGED, "the manifest is not behind the images");
    return split_part(m->fd, end + entry.data, entry.size, folder, CR_MANIFEST_NAME, err);
}

static int split_members(const struct cr_manifest *m, const char *directory, const char *format,
                         struct cr_error *err)
{
    char name[64];
    int count = 0;

    for (size_t i = 0; i < m->member_count; i++) {
        int rc;

        if (m->members[i].size == 0)
            continue;
        snprintf(name, sizeof(name), "%s%d%s", format[0] == '.' ? "" : format, m->members[i].pid,
                 format[0] == '.' ? format : "");
        rc = split_part(m->fd, m->members[i].offset, m->members[i].size, directory, name, err);
        if (rc < 0)
            return rc;
        count++;
    }
    return count;
}

int cr_spool_split(const char *path, const char *directory, const char *format,
                   struct cr_error *err)
{
    struct cr_arena arena;
    struct cr_manifest manifest;
    int count;
    int rc;

    if (cr_arena_create(&arena, ARENA_SIZE) < 0)
        return cr_fail(err, ENOMEM, "no address space left: is there a limit (ulimit -v)?");
    count = cr_manifest_open(&arena, path, &manifest, err);
    if (count == 0) {
        count = split_members(&manifest, directory, format, err);
        rc = count >= 0 ? split_manifest(&manifest, directory, err) : 0;
        count = rc < 0 ? rc : count;
        cr_manifest_close(&manifest);
    }
    cr_arena_destroy(&arena);
    return count;
}
