/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Images of processes that have ended before they could seal them: all of their
 * memory is in the file, so the checkpoint is as good as with those that live on.
 */
#include "cr_group_parts.h"

#include "cr_image_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL_ARENA (1UL << 30) /* address space: headers of a large image, and a chunk */

static int finish(struct cr_member *m, int fd, const char *path, struct cr_error *err)
{
    struct cr_arena arena = {0};
    struct cr_image_record record;
    int rc = cr_arena_create(&arena, SEAL_ARENA);

    if (rc < 0)
        return cr_fail(err, -rc, "no memory to finish %s", path);
    rc = cr_image_finish(&arena, fd, m->offset, path, &record, err);
    cr_arena_destroy(&arena);
    if (rc < 0)
        return rc;
    m->size = record.bytes;
    m->digest_low = record.digest_low;
    m->digest_high = record.digest_high;
    m->unsealed = 0;
    return 0;
}

int cr_group_file_seal(struct cr_group *g, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->count; i++) {
        struct cr_member *m = g->members[i];

        if (m->stage == CR_MEMBER_TALKING && m->unsealed)
            rc = finish(m, g->file, g->options->file, err);
    }
    return rc;
}

/* The process has given the file its name, and ended before it could say so. */
static int take_named(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    struct cr_arena arena = {0};
    struct cr_image_reader reader;
    struct cr_image_record record;
    int rc = cr_arena_create(&arena, SEAL_ARENA);

    if (rc < 0)
        return cr_fail(err, -rc, "no memory to look at %s", g->options->file);
    rc = cr_image_open(&arena, g->options->file, &reader, err);
    if (rc == 0) {
        cr_image_identify(&reader, &record);
        cr_image_close(&reader);
        m->size = record.bytes;
        m->digest_low = record.digest_low;
        m->digest_high = record.digest_high;
    }
    cr_arena_destroy(&arena);
    return rc;
}

int cr_group_file_finish_alone(struct cr_group *g, struct cr_member *m, struct cr_error *err)
{
    char partial[PATH_MAX + 16];
    int rc;

    snprintf(partial, sizeof(partial), "%s" CR_PARTIAL_SUFFIX, g->options->file);
    g->file = open(partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (g->file < 0 && errno == ENOENT)
        return take_named(g, m, err);
    if (g->file < 0)
        return cr_fail(err, errno, "cannot open %s: %s", partial, cr_error_words(errno));
    rc = finish(m, g->file, partial, err);
    if (rc < 0)
        return rc;
    g->file_size = m->size;
    if (ftruncate(g->file, (off_t)g->file_size) < 0)
        return cr_fail(err, errno, "cannot cut %s: %s", partial, cr_error_words(errno));
    return cr_group_file_name(g, err);
}
