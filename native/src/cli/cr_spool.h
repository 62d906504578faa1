/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Copies of images: into a file without a name, and between the one file of a checkpoint and a directory
 * with a file for each process (context.PID) and the manifest (manifest.pb).
 */
#ifndef CR_SPOOL_H
#define CR_SPOOL_H

#include "cr_error.h"

#include <stdint.h>

/* A file without a name in FOLDER (NULL: $TMPDIR or /tmp). Returns its descriptor or a negative code. */
int cr_spool_make(const char *folder, struct cr_error *err);

/* Copies all that FROM gives to TO; NAME is FROM's, for messages. Returns 0 or a negative code. */
int cr_spool_copy(int from, int to, const char *name, struct cr_error *err);

/* Copies SIZE bytes of FROM at OFFSET to TO at its place. Returns 0 or a negative code. */
int cr_spool_copy_range(int from, uint64_t offset, uint64_t size, int to, const char *name,
                        struct cr_error *err);

/*
 * Puts the file of a checkpoint together from its directory. Returns a descriptor; 0 if there is one image alone, whose
 * path is then in RET_PATH (PATH_MAX bytes); or a negative code.
 */
int cr_spool_join(const char *directory, char *ret_path, struct cr_error *err);

/* Takes PATH apart into the existing DIRECTORY: FORMAT stands before the pid in their names, or behind it if it begins with a dot. Returns their number or a negative code. */
int cr_spool_split(const char *path, const char *directory, const char *format,
                   struct cr_error *err);

#endif
