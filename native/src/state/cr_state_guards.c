/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Guard pages (MADV_GUARD_INSTALL, kernel 6.13): ranges inside an area that trap, as the C library puts
 * them below thread stacks from 2.42 on. They are not areas of their own.
 */
#include "cr_state_memory_parts.h"

#include "cr_sys.h"

#define GUARD_INSTALL 102
#define GUARDS_PER_NOTE (sizeof(((quiesce_image_Guards *)0)->guard) / sizeof(quiesce_image_Guard))

int cr_guards_encode(struct cr_state *state, struct cr_arena *scratch,
                     const struct cr_range *guards, size_t count, struct cr_error *err)
{
    quiesce_image_Guards *message;
    int rc = 0;

    if (count > CR_SCAN_GUARDS)
        return cr_fail(
            err, CR_EREFUSED,
            "more than %lu ranges of guard pages; remove some (MADV_GUARD_REMOVE) before "
            "the checkpoint",
            CR_SCAN_GUARDS);
    message = cr_arena_alloc(scratch, sizeof(*message));
    if (message == NULL)
        return cr_fail_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        message->guard[message->guard_count++] =
            (quiesce_image_Guard){guards[i].start, guards[i].end};
        if (message->guard_count < GUARDS_PER_NOTE && i + 1 < count)
            continue;
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_GUARDS, quiesce_image_Guards_fields,
                          message, err);
        message->guard_count = 0;
    }
    return rc;
}

static int install(const quiesce_image_Guards *message, struct cr_error *err)
{
    for (pb_size_t i = 0; i < message->guard_count; i++) {
        const quiesce_image_Guard *guard = &message->guard[i];
        int rc = (int)cr_sys(SYS_madvise, guard->start, guard->end - guard->start, GUARD_INSTALL);

        if (rc < 0)
            return cr_fail(
                err, CR_EKERNEL,
                "cannot install guard pages at 0x%lx-0x%lx again (%s); restart on a kernel "
                "that has them (6.13)",
                guard->start, guard->end, cr_error_words(-rc));
    }
    return 0;
}

int cr_guards_put_back(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_Guards *message;
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_GUARDS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Guards_fields, message, err);
        if (rc == 0)
            rc = install(message, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}
