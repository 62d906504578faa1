/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The manifest of a checkpoint of several processes: the last member of a tar file (cr_tar.h) whose
 * other members are images. It is a sequence of records: u32 RecordType, u32 length, u32 CRC-32C of type, length and
 * message, the message of group.proto; all numbers little-endian. RECORD_END says how many there are.
 */
#ifndef CR_MANIFEST_H
#define CR_MANIFEST_H

#include "cr_arena.h"
#include "cr_error.h"
#include "group.pb.h"

#include <stddef.h>
#include <stdint.h>

#define CR_MANIFEST_FORMAT 1
#define CR_MANIFEST_NAME "manifest.pb"

/* ---- writing ---- */

/* Records one behind the other. */
struct cr_manifest_text {
    uint8_t *bytes;
    size_t size; /* of the buffer */
    size_t used;
    uint32_t records;
};

/* Appends one record; TYPE is a RecordType. Returns 0 or a negative code. */
int cr_manifest_put(struct cr_manifest_text *text, uint32_t type, const pb_msgdesc_t *fields,
                    const void *message, struct cr_error *err);

/* The last record. */
int cr_manifest_end(struct cr_manifest_text *text, struct cr_error *err);

/* ---- reading ---- */

struct cr_manifest {
    int fd; /* of the file; images are opened by cr_image_open_at() with it */
    uint64_t file_size;
    quiesce_group_Group group;
    /* In the arena of cr_manifest_open(). */
    quiesce_group_Member *members;
    size_t member_count;
    quiesce_group_OpenFile *open_files;
    size_t open_file_count;
    quiesce_group_SharedObject *shared;
    size_t shared_count;
};

/*
 * Opens PATH and checks all of the file but the images themselves, which must lie exactly where the manifest says.
 * Returns 0; -CR_ENOTIMAGE if it is no tar file (perhaps a single image: cr_image_open()); -CR_EDAMAGED;
 * -CR_EINCOMPLETE; -CR_EIMAGEVERSION; or -errno.
 */
int cr_manifest_open(struct cr_arena *arena, const char *path, struct cr_manifest *ret_manifest,
                     struct cr_error *err);
void cr_manifest_close(struct cr_manifest *m);

/* The member with PID (as it knows itself), or NULL. */
const quiesce_group_Member *cr_manifest_find(const struct cr_manifest *m, int pid);

/* Opens the image of a member and compares its digest with the manifest's. As cr_image_open(). */
struct cr_image_reader;
int cr_manifest_open_image(struct cr_arena *arena, const struct cr_manifest *m, const char *path,
                           const quiesce_group_Member *member, struct cr_image_reader *ret_reader,
                           struct cr_error *err);

#endif
