/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A child of this process becomes the process of an image. */
#ifndef CR_RESTORE_START_H
#define CR_RESTORE_START_H

#include "cr_restore.h"

#include <sys/types.h>

/*
 * Starts the child: with the old pid where the kernel allows it (or demanded by OPTIONS), in
 * namespaces where they were asked for or the clock needs one. Returns 0 and the child's pid as
 * this process sees it; a failure after that is the child's exit status: 7 damaged image, 8 cannot
 * restart here, 9 not permitted, with a line on standard error.
 */
int cr_restore_start(struct cr_restore *r, const struct cr_restore_options *options,
                     pid_t *ret_child, struct cr_error *err);

/* The exit status that a failure of restarting is told with. */
int cr_restore_status(int code);

#endif
