/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The inside of an opened image; private to this folder. */
#ifndef CR_RESTORE_PARTS_H
#define CR_RESTORE_PARTS_H

#include "cr_freeze.h"
#include "cr_manifest.h"
#include "cr_plan.h"
#include "cr_restore.h"
#include "cr_state.h"

#include "image.pb.h"

struct cr_restore {
    struct cr_arena arena;
    struct cr_image_reader reader;
    int flags;
    const char *path;
    quiesce_image_Header *header;
    quiesce_image_Host *host;
    quiesce_image_Mm *mm;
    quiesce_image_Rank *rank; /* NULL: none */
    struct cr_state state;    /* all notes, for checks */
    struct cr_foreign foreign;
    struct cr_plan_area *areas;
    const char **area_names; /* as long as areas */
    size_t area_count;
    struct cr_plan_file *files;
    size_t file_count;
    struct cr_plan_thread *threads;
    size_t thread_count;
    struct cr_plan_id *ids; /* of System V objects */
    size_t id_count;
    int *fds;
    size_t fd_count;
    struct cr_freeze_id *known_ids; /* that were not the kernel's when the image was taken */
    size_t known_id_count;
    struct cr_plan *plan; /* of cr_restore_map() */
};

/* SIZE zeroed bytes of the image's arena, or NULL with ERR filled. */
void *cr_restore_alloc(struct cr_restore *r, size_t size, struct cr_error *err);

/* As cr_restore_open(), for one process of a tar file. */
int cr_restore_open_member(const struct cr_manifest *m, const char *path,
                           const quiesce_group_Member *member, int flags,
                           struct cr_restore **ret_restore, struct cr_error *err);

/* Decodes all notes into the tables of R. */
int cr_restore_decode(struct cr_restore *r, struct cr_error *err);

/* All notes as the list R->state, which kinds of kernel state walk over. */
int cr_restore_list_notes(struct cr_restore *r, struct cr_error *err);

/* Fills PLAN from the tables; pointers into R's arena. */
void cr_restore_fill_plan(const struct cr_restore *r, struct cr_plan *plan);

/* Where the vdso of this process is and where the image has it. */
int cr_restore_plan_vdso(const struct cr_restore *r, struct cr_plan *plan, struct cr_error *err);

/* SIZE bytes of address space that are free here and in the image. */
int cr_restore_find_hole(const struct cr_restore *r, size_t size, uint64_t *ret_start,
                         struct cr_error *err);

/*
 * 1: the monotonic clock must be moved by RET_OFFSET ns in a time namespace; 0: it is right;
 * negative: impossible.
 */
int cr_restore_clock_offset(const struct cr_restore *r, int64_t *ret_monotonic,
                            int64_t *ret_boottime);

#endif
