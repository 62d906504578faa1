/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Reading pieces of image files. */
#ifndef CR_IMAGE_READ_H
#define CR_IMAGE_READ_H

#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Reads SIZE bytes from BASE + OFFSET of FD, going on after short reads; PATH and OFFSET are for the text. Returns 0, -errno, or
 * -CR_EINCOMPLETE where the file ends before.
 */
int cr_image_read_at(int fd, const char *path, uint64_t base, void *buffer, size_t size,
                     uint64_t offset, struct cr_error *err);

#endif
