/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_relocate.h"

#include "cr_fmt.h"

#include "image.pb.h"

#include <errno.h>
#include <string.h>

static const char *rules;

void cr_relocate_use(const char *new_rules)
{
    rules = new_rules;
}

static const char *next_rule(const char *rule)
{
    rule += cr_strlen(rule) + 1;
    return rule + cr_strlen(rule) + 1;
}

const char *cr_relocate_rules(size_t *ret_size)
{
    const char *at = rules;

    *ret_size = 0;
    if (at == NULL)
        return NULL;
    while (*at != '\0')
        at = next_rule(at);
    *ret_size = (size_t)(at + 1 - rules);
    return rules;
}

/* How much of PATH is FROM, in whole names; 0: it is not below it. */
static size_t fits(const char *path, const char *from)
{
    size_t length = cr_strlen(from);

    if (length == 1) /* the root */
        return path[0] == '/' && path[1] != '\0';
    if (!cr_str_starts(path, from))
        return 0;
    /* What the kernel says of a deleted file stands behind a blank. */
    return path[length] == '\0' || path[length] == '/' || cr_str_equal(path + length, " (deleted)")
               ? length
               : 0;
}

int cr_relocate_path(char *path, size_t size, struct cr_error *err)
{
    for (const char *rule = rules; rule != NULL && *rule != '\0'; rule = next_rule(rule)) {
        const char *to = rule + cr_strlen(rule) + 1;
        size_t old = fits(path, rule);
        size_t new = cr_strlen(to);
        size_t rest;

        if (old == 0)
            continue;
        if (rule[1] == '\0')
            old = 0;
        rest = cr_strlen(path + old);
        if (new == 1 && rest > 0) /* "/" and "/rest" have one slash in common */
            new = 0;
        if (new + rest + 1 > size)
            return cr_fail(err, ENAMETOOLONG, "%s is too long when it is below %s", path, to);
        memmove(path + new, path + old, rest + 1);
        memcpy(path, to, new);
        return 0;
    }
    return 0;
}

static int relocate_files(quiesce_image_MappedFiles *m, struct cr_error *err)
{
    int rc = 0;

    for (pb_size_t i = 0; rc == 0 && i < m->file_count; i++)
        rc = cr_relocate_path(m->file[i].path, sizeof(m->file[i].path), err);
    return rc;
}

static int relocate_descriptors(quiesce_image_Descriptors *m, struct cr_error *err)
{
    int rc = 0;

    for (pb_size_t i = 0; rc == 0 && i < m->descriptor_count; i++)
        rc = cr_relocate_path(m->descriptor[i].path, sizeof(m->descriptor[i].path), err);
    return rc;
}

static int relocate_watches(quiesce_image_Inotify *m, struct cr_error *err)
{
    int rc = 0;

    for (pb_size_t i = 0; rc == 0 && i < m->watch_count; i++)
        rc = cr_relocate_path(m->watch[i].path, sizeof(m->watch[i].path), err);
    return rc;
}

static int relocate_process(quiesce_image_Process *m, struct cr_error *err)
{
    int rc = cr_relocate_path(m->working_directory, sizeof(m->working_directory), err);

    return rc == 0 ? cr_relocate_path(m->root_directory, sizeof(m->root_directory), err) : rc;
}

int cr_relocate_message(const struct pb_msgdesc_s *fields, void *message, struct cr_error *err)
{
    if (rules == NULL)
        return 0;
    if (fields == quiesce_image_MappedFiles_fields)
        return relocate_files(message, err);
    if (fields == quiesce_image_Descriptors_fields)
        return relocate_descriptors(message, err);
    if (fields == quiesce_image_Process_fields)
        return relocate_process(message, err);
    if (fields == quiesce_image_Mm_fields)
        return cr_relocate_path(((quiesce_image_Mm *)message)->executable,
                                sizeof(((quiesce_image_Mm *)message)->executable), err);
    if (fields == quiesce_image_Inotify_fields)
        return relocate_watches(message, err);
    if (fields == quiesce_image_Socket_fields)
        return cr_relocate_path(((quiesce_image_Socket *)message)->directory,
                                sizeof(((quiesce_image_Socket *)message)->directory), err);
    return 0;
}
