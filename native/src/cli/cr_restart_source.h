/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Where the image of cr_restart comes from. It is a file that can be read at any place; what comes through
 * a FIFO, pipe or socket, or lies in the files of a directory, is first put together in a file without a name.
 */
#ifndef CR_RESTART_SOURCE_H
#define CR_RESTART_SOURCE_H

#include "cr_restart_options.h"

#include <limits.h>

struct cr_restart_source {
    char path[PATH_MAX]; /* to be opened */
    int fd;              /* keeps a file without a name; -1: none */
};

/* Returns 0 or -errno: the image is missing, or cannot be read. */
int cr_restart_source_open(const struct cr_restart_options *options,
                           struct cr_restart_source *ret_source, struct cr_error *err);
void cr_restart_source_close(struct cr_restart_source *source);

#endif
