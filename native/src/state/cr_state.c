/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state.h"

#include "cr_relocate.h"
#include "cr_state_cputime.h"
#include "cr_state_kinds.h"
#include "cr_state_util.h"

#include <pb_decode.h>
#include <pb_encode.h>

typedef int step_fn(struct cr_state *state, struct cr_error *err);

struct kind {
    const char *name;
    step_fn *collect;
    step_fn *put_back;
    step_fn *complete; /* when all processes that were saved together stand */
};

/*
 * The order counts when things are put back: limits out of the way, and in force when all stands; the address space's
 * advice first; descriptors are opened by absolute paths but with the process's own umask; handlers before anything that
 * may raise a signal; pending signals before timers, which send theirs behind them. Areas are collected by
 * cr_memory_collect(), which has more to return than notes.
 */
static const struct kind KINDS[] = {
    {"limits", cr_limits_collect, cr_limits_raise, NULL},
    {"memory", NULL, cr_memory_put_back, NULL},
    {"process", cr_process_collect, cr_process_put_back, NULL},
    {"descriptors", cr_descriptors_collect, cr_descriptors_put_back, cr_descriptors_finish},
    {"signals", cr_signals_collect, cr_signals_put_back, NULL},
    {"pending signals", NULL, NULL, cr_signals_queue_again},
    {"timers", cr_timers_collect, NULL, cr_timers_put_back},
    {"CPU time", cr_cputime_collect, NULL, cr_cputime_put_back},
    {"limits in force", NULL, NULL, cr_limits_put_back},
};

#define KIND_COUNT (sizeof(KINDS) / sizeof(*KINDS))

static void append(struct cr_state *state, struct cr_note *note)
{
    if (state->last == NULL)
        state->first = note;
    else
        state->last->next = note;
    state->last = note;
}

int cr_state_add_raw(struct cr_state *state, uint32_t type, size_t size, void **ret_data,
                     struct cr_error *err)
{
    struct cr_note *note = cr_arena_alloc(state->arena, sizeof(*note));
    void *data = cr_arena_alloc(state->arena, size + 1);

    if (note == NULL || data == NULL)
        return cr_fail_memory(err);
    *note = (struct cr_note){type, (uint32_t)size, data, NULL};
    append(state, note);
    *ret_data = data;
    return 0;
}

int cr_state_add(struct cr_state *state, uint32_t type, const struct pb_msgdesc_s *fields,
                 const void *message, struct cr_error *err)
{
    pb_ostream_t stream;
    void *data;
    size_t size;
    int rc;

    if (!pb_get_encoded_size(&size, fields, message))
        return cr_fail(err, CR_EINTERNAL, "state of kind %u cannot be encoded", type);
    rc = cr_state_add_raw(state, type, size, &data, err);
    if (rc < 0)
        return rc;
    stream = pb_ostream_from_buffer(data, size);
    if (!pb_encode(&stream, fields, message))
        return cr_fail(err, CR_EINTERNAL, "state of kind %u cannot be encoded: %s", type,
                       PB_GET_ERROR(&stream));
    return 0;
}

int cr_state_decode(const struct cr_note *note, const struct pb_msgdesc_s *fields, void *message,
                    struct cr_error *err)
{
    pb_istream_t stream = pb_istream_from_buffer(note->data, note->size);

    if (!pb_decode(&stream, fields, message))
        return cr_fail(err, CR_EDAMAGED, "note of kind %u in the image does not decode: %s",
                       note->type, PB_GET_ERROR(&stream));
    return cr_relocate_message(fields, message, err);
}

int cr_state_collect(struct cr_state *state, struct cr_error *err)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        int rc = KINDS[i].collect != NULL ? KINDS[i].collect(state, err) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

int cr_state_put_back(struct cr_state *state, struct cr_error *err)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        int rc = KINDS[i].put_back != NULL ? KINDS[i].put_back(state, err) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

int cr_state_verify(struct cr_state *state, struct cr_error *err)
{
    return cr_epoll_verify(state, err);
}

int cr_state_complete(struct cr_state *state, struct cr_error *err)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        int rc = KINDS[i].complete != NULL ? KINDS[i].complete(state, err) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}
