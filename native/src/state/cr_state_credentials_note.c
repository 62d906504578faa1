/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Credentials in the notes of an image. */
#include "cr_state_credentials.h"
#include "cr_state_util.h"

#include "cr_sys.h"
#include "image.pb.h"

#include <linux/capability.h>

#define BIT(capability) (1UL << (capability))

static int encode(struct cr_state *state, const struct cr_credentials *c,
                  quiesce_image_Credentials *message, struct cr_error *err)
{
    if (message == NULL)
        return cr_fail_memory(err);
    message->uid_count = 4;
    message->gid_count = 4;
    for (int i = 0; i < 4; i++) {
        message->uid[i] = c->uid[i];
        message->gid[i] = c->gid[i];
    }
    message->effective = c->effective;
    message->permitted = c->permitted;
    message->inheritable = c->inheritable;
    message->ambient = c->ambient;
    message->bounding = c->bounding;
    message->securebits = c->securebits;
    return cr_state_add(state, quiesce_image_NoteType_NOTE_CREDENTIALS,
                        quiesce_image_Credentials_fields, message, err);
}

int cr_credentials_collect(struct cr_state *state, const struct cr_credentials *c,
                           struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = encode(state, c, cr_arena_alloc(&scratch.arena, sizeof(quiesce_image_Credentials)), err);
    cr_scratch_end(&scratch);
    return rc;
}

/* Without a right to others, a process may only take ids that it has. */
static int may_have(const uint32_t *wanted, pb_size_t count, const uint32_t *own)
{
    for (pb_size_t i = 0; i < count; i++) {
        if (wanted[i] != own[0] && wanted[i] != own[1] && wanted[i] != own[2])
            return 0;
    }
    return 1;
}

static int check(const quiesce_image_Credentials *saved, struct cr_error *err)
{
    struct cr_credentials own;

    cr_credentials_save(&own);
    if ((own.effective & BIT(CAP_SETUID)) == 0 && !may_have(saved->uid, saved->uid_count, own.uid))
        return cr_fail(err, CR_EPERMISSION,
                       "the program ran as user %u (effective %u), which user %u may not become; "
                       "restart as that user, or as root",
                       saved->uid[0], saved->uid[1], own.uid[0]);
    if ((own.effective & BIT(CAP_SETGID)) == 0 && !may_have(saved->gid, saved->gid_count, own.gid))
        return cr_fail(err, CR_EPERMISSION,
                       "the program ran in group %u (effective %u), which group %u may not become; "
                       "restart in that group (newgrp), or as root",
                       saved->gid[0], saved->gid[1], own.gid[0]);
    return 0;
}

int cr_credentials_check(const struct cr_state *state, struct cr_error *err)
{
    quiesce_image_Credentials saved = quiesce_image_Credentials_init_zero;
    int rc = 0;

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_CREDENTIALS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Credentials_fields, &saved, err);
        if (rc == 0)
            rc = check(&saved, err);
    }
    return rc;
}
