/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Whether a restart can treat files and connections as it is told, which the image decides. */
#include "cr_restore_group_parts.h"

#include "cr_fd_files.h"
#include "cr_policy.h"

#include <errno.h>
#include <stdlib.h>

static int check_descriptor(struct cr_state *state, const quiesce_image_Descriptor *d,
                            void *argument, struct cr_error *err)
{
    static const char *const held[] = {"only its path", "its contents", "only its digest"};
    const struct cr_restore_options *o = argument;

    (void)state;
    /* Contents need not be put back, and size and time of last change are always there to be compared. */
    if (d->kind != quiesce_image_DescriptorKind_DESCRIPTOR_FILE || d->same_as >= 0 ||
        o->files != CR_FILES_CONTENTS || d->files == CR_FILES_CONTENTS || d->files > CR_FILES_CHECK)
        return 0;
    return cr_fail(err, EINVAL,
                   "the image holds %s of %s (descriptor %d), so --files=contents is not possible; "
                   "say so at the checkpoint",
                   held[d->files], d->path, d->fd);
}

static int check_connections(const struct cr_restore *r, const struct cr_restore_options *o,
                             struct cr_error *err)
{
    quiesce_image_Socket *s = malloc(sizeof(*s));
    int rc = s != NULL ? 0 : cr_fail(err, ENOMEM, "no memory to look at sockets");

    for (const struct cr_note *note = r->state.first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_SOCKET)
            continue;
        rc = cr_state_decode(note, quiesce_image_Socket_fields, s, err);
        if (rc == 0 && s->state == quiesce_image_SocketState_SOCKET_OUTSIDE &&
            (o->tcp == CR_RESTORE_TCP_ERROR || s->kept == 0))
            rc = cr_fail(err, CR_EREFUSED,
                         "descriptor %d is a connection to a process outside the image, which %s; "
                         "use --tcp=close, then the program sees a reset",
                         s->fd,
                         o->tcp == CR_RESTORE_TCP_ERROR
                             ? "is not wanted (--tcp=error)"
                             : "was not saved with cr_checkpoint --tcp=restore");
    }
    free(s);
    return rc;
}

int cr_restore_check_policies(struct cr_restore *r, const struct cr_restore_options *o,
                              struct cr_error *err)
{
    struct cr_restore_options wanted = *o;
    int rc = cr_restore_list_notes(r, err);

    r->state.tcp_policy =
        o->tcp == CR_RESTORE_TCP_CLOSE ? CR_RESTORE_TCP_CLOSE : CR_RESTORE_TCP_RESTORE;
    if (rc == 0 && o->files >= 0)
        rc = cr_descriptors_each(&r->state, check_descriptor, &wanted, err);
    if (rc == 0 && o->tcp > CR_RESTORE_TCP_CLOSE)
        rc = check_connections(r, o, err);
    if (o->files == CR_FILES_REFERENCE)
        cr_fd_files_trust();
    return rc;
}
