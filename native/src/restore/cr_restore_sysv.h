/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. System V objects of processes that come back; private to this folder. */
#ifndef CR_RESTORE_SYSV_H
#define CR_RESTORE_SYSV_H

#include "cr_restore_parts.h"

/*
 * Makes the objects of all images ready, each once, and enters into the tables of the images where they are. In the
 * IPC namespace of the calling process. After a failure nothing that was made is left.
 */
int cr_restore_make_sysv(struct cr_restore *const *images, size_t count, struct cr_error *err);

/* Removes what was made, when the processes do not come back after all. */
void cr_restore_drop_sysv(void);

#endif
