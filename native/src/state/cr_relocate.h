/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Files that are elsewhere now: paths in the notes of an image are changed when they are decoded, by
 * cr_restart and by the processes that it brings back.
 */
#ifndef CR_RELOCATE_H
#define CR_RELOCATE_H

#include "cr_error.h"

#include <stddef.h>

/*
 * From now on paths are changed by RULES: OLD, NEW, OLD, NEW, each ended by a NUL, and an empty string at the end. The
 * first that fits counts. NULL: none. The memory stays the caller's.
 */
void cr_relocate_use(const char *rules);

/* The rules in use and their size with the last NUL; NULL and 0: none. */
const char *cr_relocate_rules(size_t *ret_size);

/* Changes PATH, which has room for SIZE bytes, in place. Returns 0 or -ENAMETOOLONG. */
int cr_relocate_path(char *path, size_t size, struct cr_error *err);

/* Changes the paths of a message that was decoded with FIELDS. Returns 0 or -ENAMETOOLONG. */
struct pb_msgdesc_s;
int cr_relocate_message(const struct pb_msgdesc_s *fields, void *message, struct cr_error *err);

#endif
