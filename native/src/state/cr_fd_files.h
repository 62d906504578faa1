/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Contents of open regular files, by the policy of the checkpoint (cr_policy.h). */
#ifndef CR_FD_FILES_H
#define CR_FD_FILES_H

#include "cr_state_fd.h"

/* Fills policy, permissions and digest of D, a regular file with a path, and sees to it that its contents are stored. */
int cr_fd_files_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                        quiesce_image_Descriptor *d, struct cr_error *err);

/* Before a restart: has the file the contents that it had, if that was to be checked? */
int cr_fd_files_check(const quiesce_image_Descriptor *d, struct cr_error *err);

/* From now on digests are not looked at. */
void cr_fd_files_trust(void);

#endif
