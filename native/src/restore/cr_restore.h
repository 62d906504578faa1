/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. From an image to a running process: read it, check that this host can run it,
 * plan, and hand over to the restorer. A process that cr_restart made replaces itself by that of
 * the image; cr_mpirank maps the upper half into itself.
 */
#ifndef CR_RESTORE_H
#define CR_RESTORE_H

#include "cr_error.h"
#include "cr_image_reader.h"
#include "cr_restore_group.h"

struct cr_restore; /* an opened image with its decoded notes */

/* Opens and decodes PATH; -CR_ENOTIMAGE, -CR_EDAMAGED, ... as cr_image_open(). */
int cr_restore_open(const char *path, int flags, struct cr_restore **ret_restore,
                    struct cr_error *err);
void cr_restore_close(struct cr_restore *r);

/*
 * CPU features, page size, mapped files (build-id, or size and mtime), descriptors' files. First
 * thing that does not fit, in ERR.
 */
int cr_restore_check_host(struct cr_restore *r, struct cr_error *err);

/*
 * The descriptor numbers that the application will want back, ascending: a lower half keeps off
 * these.
 */
size_t cr_restore_descriptors(const struct cr_restore *r, const int **ret_fds);

/* Facts of the Rank note; -CR_ENOTIMAGE if the image is not that of a rank. */
struct cr_restore_rank {
    uint32_t rank, size, sequence, thread_level;
    int initialized;
    uint64_t upper_end, fake_vdso, brk_variable;
    char job[128];
};
int cr_restore_rank(const struct cr_restore *r, struct cr_restore_rank *ret_rank,
                    struct cr_error *err);

/* How a process that is made for it becomes that of the image. */
struct cr_restore_become {
    int exact_tids;             /* 1: demand the old ids of threads; 0: try; -1: do not try */
    int handoff_fd, restart_fd; /* see cr_agent_state.h */
    uint32_t handoff_member;
};

/* Replaces this process by that of the image; returns only on failure. */
int cr_restore_exec(struct cr_restore *r, const struct cr_restore_become *how,
                    struct cr_error *err);

/*
 * For cr_mpirank: maps all areas with MAP_FIXED_NOREPLACE into this process and fills them (step
 * 1), later starts all threads; the calling (main) thread becomes the image's main thread and does
 * not return (step 2).
 */
int cr_restore_map(struct cr_restore *r, struct cr_error *err);
int cr_restore_run(struct cr_restore *r, struct cr_error *err);

#endif
