/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Standard streams that are no files of the program's own: at a restart they are those of the restarter. */
#include "cr_state_descriptors_parts.h"

static int is_stream(const struct cr_fd_collect *c, const struct cr_open_file *file,
                     const char *link)
{
    int is_numbered = file->fd <= 2 || (file->same_as >= 0 && file->same_as <= 2);

    (void)c;
    (void)link;
    return is_numbered && !S_ISREG(file->st.st_mode);
}

/* The path would only be that of the terminal of today. */
static int forget_path(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                       quiesce_image_Descriptor *d, struct cr_error *err)
{
    (void)c;
    (void)file;
    (void)link;
    (void)err;
    d->path[0] = '\0';
    return 0;
}

static int keep(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    (void)c;
    (void)d;
    (void)err;
    return CR_FD_KEEP_STREAM;
}

const struct cr_fd_kind cr_fd_standard = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD,
                                          .matches = is_stream,
                                          .collect = forget_path,
                                          .create = keep};
