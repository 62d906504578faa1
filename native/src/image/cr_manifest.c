/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_manifest.h"

#include "cr_crc32c.h"
#include "cr_fmt.h"
#include "cr_image_read.h"
#include "cr_image_reader.h"
#include "cr_sys.h"
#include "cr_tar.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX 12UL /* type, length, CRC */
#define MANIFEST_MAX (256UL << 20)

struct record {
    uint32_t type;
    uint32_t size;
    uint32_t crc;
};

/* A file while it is being opened. */
struct opening {
    struct cr_arena *arena;
    const char *path;
    int fd;
    uint64_t file_size;
    const uint8_t *text; /* the manifest */
    size_t text_size;
    size_t counts[quiesce_group_RecordType_RECORD_END + 1];
};

static uint32_t record_crc(const struct record *r, const void *message)
{
    uint32_t crc = cr_crc32c(0, r, 2 * sizeof(uint32_t));

    return cr_crc32c(crc, message, r->size);
}

int cr_manifest_put(struct cr_manifest_text *text, uint32_t type, const pb_msgdesc_t *fields,
                    const void *message, struct cr_error *err)
{
    size_t left = text->size - text->used;
    uint8_t *at = text->bytes + text->used;
    struct record r = {.type = type};
    pb_ostream_t stream;

    if (left < PREFIX)
        return cr_fail(err, ENOMEM, "no memory for the manifest");
    stream = pb_ostream_from_buffer(at + PREFIX, left - PREFIX);
    if (!pb_encode(&stream, fields, message))
        return cr_fail(err, ENOMEM, "no memory for the manifest");
    r.size = (uint32_t)stream.bytes_written;
    r.crc = record_crc(&r, at + PREFIX);
    memcpy(at, &r, PREFIX);
    text->used += PREFIX + r.size;
    text->records++;
    return 0;
}

int cr_manifest_end(struct cr_manifest_text *text, struct cr_error *err)
{
    quiesce_group_End end = {.records = text->records};

    return cr_manifest_put(text, quiesce_group_RecordType_RECORD_END, quiesce_group_End_fields,
                           &end, err);
}

static int damaged(const struct opening *o, const char *what, uint64_t at, struct cr_error *err)
{
    return cr_fail(err, CR_EDAMAGED, "%s is damaged: %s at offset %lu", o->path, what, at);
}

static int open_file(struct opening *o, struct cr_error *err)
{
    struct stat info = {0};
    int rc;

    o->fd = cr_sys_open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    rc = o->fd < 0 ? o->fd : (int)cr_sys(SYS_fstat, o->fd, &info);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot open %s: %s", o->path, cr_error_words(-rc));
    if (!S_ISREG(info.st_mode))
        return cr_fail(err, CR_ENOTIMAGE, "%s is not a Quiesce image: not a regular file", o->path);
    o->file_size = (uint64_t)info.st_size;
    return 0;
}

/* The header at OFFSET. */
static int read_entry(const struct opening *o, uint64_t offset, struct cr_tar_entry *entry,
                      struct cr_error *err)
{
    uint8_t head[CR_TAR_HEAD];
    uint64_t left = o->file_size > offset ? o->file_size - offset : 0;
    size_t size = left < sizeof(head) ? left : sizeof(head);
    int rc = cr_image_read_at(o->fd, o->path, 0, head, size, offset, err);

    if (rc < 0)
        return rc;
    if (size < CR_TAR_BLOCK)
        return cr_fail(err, CR_EINCOMPLETE, "%s ends at offset %lu: it was cut short", o->path,
                       o->file_size);
    rc = cr_tar_parse(head, size, entry);
    if (rc < 0 && offset == 0)
        return cr_fail(err, CR_ENOTIMAGE, "%s is not a Quiesce checkpoint of several processes",
                       o->path);
    if (rc <= 0)
        return damaged(o, "tar header", offset, err);
    if (entry->size > o->file_size - offset - entry->data)
        return cr_fail(err, CR_EINCOMPLETE, "%s is incomplete: it ends inside %s", o->path,
                       entry->name);
    return 0;
}

/* Nothing but zeros stands behind the manifest. */
static int check_tail(const struct opening *o, uint64_t at, struct cr_error *err)
{
    uint8_t tail[3 * CR_TAR_BLOCK];
    uint64_t size = CR_TAR_UP(at) - at + 2 * CR_TAR_BLOCK;
    int rc = o->file_size < at + size
                 ? cr_image_read_at(o->fd, o->path, 0, tail, 1, o->file_size, err)
                 : 0;

    if (rc == 0)
        rc = cr_image_read_at(o->fd, o->path, 0, tail, size, at, err);
    for (uint64_t i = 0; rc == 0 && i < size; i++)
        rc = tail[i] != 0 ? damaged(o, "end of the file", at + i, err) : 0;
    if (rc == 0 && o->file_size != at + size)
        rc = damaged(o, "bytes behind its end", at + size, err);
    return rc;
}

/* Walks to the last member and reads it. */
static int read_manifest(struct opening *o, struct cr_error *err)
{
    struct cr_tar_entry entry;
    uint64_t at = 0;
    uint8_t *text;
    int rc;

    for (;;) {
        rc = read_entry(o, at, &entry, err);
        if (rc < 0)
            return rc;
        at += entry.data;
        if (cr_str_equal(entry.name, CR_MANIFEST_NAME))
            break;
        at += CR_TAR_UP(entry.size);
    }
    if (entry.size > MANIFEST_MAX)
        return damaged(o, "size of the manifest", at, err);
    text = cr_arena_alloc(o->arena, entry.size);
    if (text == NULL)
        return cr_fail(err, ENOMEM, "no memory for the manifest of %s", o->path);
    rc = cr_image_read_at(o->fd, o->path, 0, text, entry.size, at, err);
    o->text = text;
    o->text_size = entry.size;
    return rc < 0 ? rc : check_tail(o, at + entry.size, err);
}

/* The record at *AT. Returns 1, 0 at the end, or -CR_EDAMAGED. */
static int next_record(const struct opening *o, size_t *at, struct record *r,
                       const uint8_t **ret_message)
{
    size_t left = o->text_size - *at;

    if (left == 0)
        return 0;
    if (left < PREFIX)
        return -CR_EDAMAGED;
    memcpy(r, o->text + *at, PREFIX);
    if (r->size > left - PREFIX || r->type == 0 || record_crc(r, o->text + *at + PREFIX) != r->crc)
        return -CR_EDAMAGED;
    *ret_message = o->text + *at + PREFIX;
    *at += PREFIX + r->size;
    return 1;
}

/* Looks at every record once: all CRCs, and whether there are as many as there were. */
static int count_records(struct opening *o, struct cr_error *err)
{
    quiesce_group_End end = quiesce_group_End_init_zero;
    const uint8_t *message = NULL;
    struct record r = {0};
    uint32_t count = 0;
    pb_istream_t stream;
    size_t at = 0;
    int rc;

    while ((rc = next_record(o, &at, &r, &message)) > 0) {
        count++;
        if (r.type <= quiesce_group_RecordType_RECORD_END)
            o->counts[r.type]++;
    }
    if (rc < 0)
        return damaged(o, "record of the manifest", at, err);
    stream = pb_istream_from_buffer(message, r.size);
    if (count == 0 || r.type != quiesce_group_RecordType_RECORD_END ||
        !pb_decode(&stream, quiesce_group_End_fields, &end) || end.records != count - 1 ||
        o->counts[quiesce_group_RecordType_RECORD_GROUP] != 1)
        return damaged(o, "end of the manifest", at, err);
    return 0;
}

static int take_record(struct cr_manifest *m, const struct record *r, const uint8_t *message)
{
    pb_istream_t stream = pb_istream_from_buffer(message, r->size);

    switch (r->type) {
    case quiesce_group_RecordType_RECORD_GROUP:
        return pb_decode(&stream, quiesce_group_Group_fields, &m->group);
    case quiesce_group_RecordType_RECORD_MEMBER:
        return pb_decode(&stream, quiesce_group_Member_fields, &m->members[m->member_count++]);
    case quiesce_group_RecordType_RECORD_OPEN_FILE:
        return pb_decode(&stream, quiesce_group_OpenFile_fields,
                         &m->open_files[m->open_file_count++]);
    case quiesce_group_RecordType_RECORD_SHARED:
        return pb_decode(&stream, quiesce_group_SharedObject_fields, &m->shared[m->shared_count++]);
    default:
        return 1;
    }
}

static int decode_records(const struct opening *o, struct cr_manifest *m, struct cr_error *err)
{
    const uint8_t *message;
    struct record r;
    size_t at = 0;

    m->members = cr_arena_alloc(o->arena, o->counts[quiesce_group_RecordType_RECORD_MEMBER] *
                                              sizeof(*m->members));
    m->open_files = cr_arena_alloc(o->arena, o->counts[quiesce_group_RecordType_RECORD_OPEN_FILE] *
                                                 sizeof(*m->open_files));
    m->shared = cr_arena_alloc(o->arena, o->counts[quiesce_group_RecordType_RECORD_SHARED] *
                                             sizeof(*m->shared));
    if (m->members == NULL || m->open_files == NULL || m->shared == NULL)
        return cr_fail(err, ENOMEM, "no memory for the manifest of %s", o->path);
    while (next_record(o, &at, &r, &message) > 0) {
        if (!take_record(m, &r, message))
            return damaged(o, "record of the manifest before", at, err);
        if (m->group.format_version > CR_MANIFEST_FORMAT)
            return cr_fail(err, CR_EIMAGEVERSION,
                           "%s has format %u, this program reads up to %u; it was written by "
                           "Quiesce %s",
                           o->path, m->group.format_version, CR_MANIFEST_FORMAT,
                           m->group.quiesce_version);
    }
    return 0;
}

static void image_name(char *out, size_t size, const quiesce_group_Member *member)
{
    cr_fmt(out, size, "%d.cr", member->pid);
}

/* The tar's members are the manifest's, in its order, with nothing between them. */
static int compare_with_tar(const struct opening *o, const struct cr_manifest *m,
                            struct cr_error *err)
{
    struct cr_tar_entry entry;
    char name[CR_TAR_NAME_MAX];
    uint64_t at = 0;

    if (m->group.members != m->member_count)
        return damaged(o, "number of processes in the manifest", 0, err);
    for (size_t i = 0; i < m->member_count; i++) {
        const quiesce_group_Member *member = &m->members[i];
        int rc;

        if (member->state == quiesce_group_MemberState_MEMBER_ZOMBIE)
            continue;
        rc = read_entry(o, at, &entry, err);
        if (rc < 0)
            return rc;
        image_name(name, sizeof(name), member);
        if (!cr_str_equal(name, entry.name) || entry.size != member->size ||
            member->offset != at + entry.data || member->offset % CR_PAGE != 0)
            return damaged(o, "member that is not as the manifest says", at, err);
        at = member->offset + CR_TAR_UP(entry.size);
    }
    if (read_entry(o, at, &entry, err) < 0 || !cr_str_equal(entry.name, CR_MANIFEST_NAME))
        return damaged(o, "member that the manifest does not know", at, err);
    return 0;
}

int cr_manifest_open(struct cr_arena *arena, const char *path, struct cr_manifest *ret_manifest,
                     struct cr_error *err)
{
    struct opening o = {.arena = arena, .path = path, .fd = -1};
    int rc = open_file(&o, err);

    memset(ret_manifest, 0, sizeof(*ret_manifest));
    ret_manifest->fd = -1;
    if (rc == 0)
        rc = read_manifest(&o, err);
    if (rc == 0)
        rc = count_records(&o, err);
    if (rc == 0)
        rc = decode_records(&o, ret_manifest, err);
    if (rc == 0)
        rc = compare_with_tar(&o, ret_manifest, err);
    if (rc < 0) {
        if (o.fd >= 0)
            cr_sys_close(o.fd);
        return rc;
    }
    ret_manifest->fd = o.fd;
    ret_manifest->file_size = o.file_size;
    return 0;
}

void cr_manifest_close(struct cr_manifest *m)
{
    if (m->fd >= 0)
        cr_sys_close(m->fd);
    m->fd = -1;
}

const quiesce_group_Member *cr_manifest_find(const struct cr_manifest *m, int pid)
{
    for (size_t i = 0; i < m->member_count; i++) {
        if (m->members[i].pid == pid)
            return &m->members[i];
    }
    return NULL;
}

int cr_manifest_open_image(struct cr_arena *arena, const struct cr_manifest *m, const char *path,
                           const quiesce_group_Member *member, struct cr_image_reader *ret_reader,
                           struct cr_error *err)
{
    struct cr_image_record record;
    int rc = cr_image_open_at(arena, m->fd, member->offset, member->size, path, ret_reader, err);

    if (rc < 0)
        return rc;
    cr_image_identify(ret_reader, &record);
    if (record.digest_low == member->digest_low && record.digest_high == member->digest_high)
        return 0;
    cr_image_close(ret_reader);
    return cr_fail(err, CR_EDAMAGED,
                   "%s is damaged: the image of process %d is not the one that its manifest names",
                   path, member->pid);
}
