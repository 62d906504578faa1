/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Who gets signals about an open file description; leases; hints. */
#ifndef CR_FD_OWNER_H
#define CR_FD_OWNER_H

#include "cr_state_fd.h"

/* Of any kind of descriptor, once for each open file description. Adds a note where there is something to say. */
int cr_owner_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                     const quiesce_image_Descriptor *d, struct cr_error *err);

/* All that the notes say, when everything else about descriptors is done. */
int cr_owner_put_back(struct cr_state *state, struct cr_error *err);

#endif
