/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The parts of cr_state_descriptors.c; nobody else includes this. */
#ifndef CR_STATE_DESCRIPTORS_PARTS_H
#define CR_STATE_DESCRIPTORS_PARTS_H

#include "cr_state_fd.h"

/* The standard kind, for a rank of an MPI job whose streams are the launcher's. */
extern const struct cr_fd_kind cr_fd_standard;

/* All descriptors but the foreign ones, ascending, in ARENA. */
int cr_descriptors_list(const struct cr_state *state, struct cr_arena *arena,
                        struct cr_open_file **ret_files, size_t *ret_count, struct cr_error *err);

/* Is FD one of FOREIGN's? */
int cr_descriptor_is_foreign(const struct cr_foreign *foreign, int fd);

/* Says in words what the descriptor is that cannot be saved: "a TCP connection from A to B". LINK: its link in /proc. */
void cr_descriptor_words(const struct cr_open_file *file, const char *link, char *out, size_t size);

/* Locks that the process holds through the open file of D->fd, into D; those that have no room there into notes. */
int cr_locks_collect(struct cr_fd_collect *c, quiesce_image_Descriptor *d, struct cr_error *err);

/* Takes the locks of D again, when all descriptors are in place: closing any other one of a file drops POSIX locks. */
int cr_locks_put_back(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err);

/* Does PATH lead to the file that is open? Not if it was deleted or replaced. */
int cr_path_leads_to(const char *path, const struct stat *st);

/*
 * If the name under which FILE was opened is gone, and it has another one in the same directory: 1, and that name in
 * RET_PATH, which has room for CR_PATH_SIZE, or is NULL.
 */
int cr_path_other_name(struct cr_arena *scratch, const struct cr_open_file *file, const char *link,
                       char *ret_path);

#endif
