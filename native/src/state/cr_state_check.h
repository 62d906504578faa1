/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen, and called before a restart by normal code. Are the files that an image needs here, and are they the
 * same ones? Nothing is changed.
 */
#ifndef CR_STATE_CHECK_H
#define CR_STATE_CHECK_H

#include "cr_error.h"
#include "cr_state.h"

#include "image.pb.h"

/*
 * RULE: cr_policy_files, or -1: as the image has it.
 *
 * The file must have the build-id that it had, or if it has none, size and time of last change. A file that is mapped
 * shared only must be as large as it was. Objects without a path (FILE->deleted) are always right. Returns 0,
 * -CR_EFILEMISSING, -CR_EFILECHANGED or -errno, with path and remedy in ERR.
 */
int cr_state_check_mapped_file(const quiesce_image_MappedFile *file, int rule,
                               struct cr_error *err);

/*
 * The file must be there, may be opened as it was, and is not shorter than it was; by rule it must not have changed. One
 * whose contents are in the image is made what it was.
 */
int cr_state_check_descriptor(const quiesce_image_Descriptor *d, int rule, struct cr_error *err);

/* All mapped files, descriptors and the working directory of the notes in STATE; its arena is left as it was. */
int cr_state_check_files(struct cr_state *state, struct cr_error *err);

#endif
