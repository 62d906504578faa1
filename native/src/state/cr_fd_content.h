/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Files that only descriptors and mappings know: memory files (memfd) and deleted files. To save its
 * contents, such a file is mapped for the time of the checkpoint. So they are stored as those of shared memory are, without
 * holes; and at a restart the restorer puts them into the object that create() made.
 */
#ifndef CR_FD_CONTENT_H
#define CR_FD_CONTENT_H

#include "cr_state_fd.h"

extern const struct cr_fd_kind cr_fd_content;

/* The body of NOTE_HELD: the whole file is mapped here. */
struct cr_held {
    uint64_t device, inode;
    uint64_t start;
    uint64_t length;                   /* 0: not any more */
} __attribute__((packed, aligned(4))); /* as notes lie in a file */

/* The mapping of the file, or NULL. */
struct cr_held *cr_held_find(const struct cr_state *state, uint64_t device, uint64_t inode);

/* Maps the whole file, so that its contents are stored; PAGE: the size of its pages. What cannot be mapped is refused. */
int cr_content_hold(struct cr_fd_collect *c, const struct cr_open_file *file,
                    const quiesce_image_Descriptor *d, uint64_t page, struct cr_error *err);

int cr_content_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err);
int cr_content_finish(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err);

/* Size, permissions and seals, when nobody fills the file any more. D: one of its descriptors. */
int cr_content_seal(const quiesce_image_Descriptor *d, const quiesce_image_Content *content,
                    struct cr_error *err);

#endif
