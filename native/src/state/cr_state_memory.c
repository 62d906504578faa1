/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The table of areas: read from /proc/self/maps, less what is foreign, and as notes. */
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define AREA_BLOCK 256UL
#define AREAS_PER_NOTE (sizeof(((quiesce_image_Areas *)0)->area) / sizeof(quiesce_image_Area))

_Static_assert(AREA_BLOCK * sizeof(struct cr_area) % 16 == 0,
               "blocks of areas must follow each other");

/* The areas grow at the end of the arena; nothing else is taken from it until the last one. */
static struct cr_area *add_area(struct cr_state *state, struct cr_memory *memory)
{
    if (memory->area_count % AREA_BLOCK == 0 &&
        cr_arena_alloc(state->arena, AREA_BLOCK * sizeof(struct cr_area)) == NULL)
        return NULL;
    return &memory->areas[memory->area_count++];
}

static int add_piece(struct cr_state *state, struct cr_memory *memory, const struct cr_area *whole,
                     uint64_t start, uint64_t end)
{
    struct cr_area *piece;

    if (start >= end)
        return 0;
    piece = add_area(state, memory);
    if (piece == NULL)
        return -ENOMEM;
    *piece = *whole;
    piece->start = start;
    piece->end = end;
    piece->offset = whole->offset + (start - whole->start);
    return 0;
}

static const struct cr_area *last_area(const struct cr_memory *memory)
{
    return memory->area_count > 0 ? &memory->areas[memory->area_count - 1] : NULL;
}

/* Adds what of [start, end) of the line is ours. A line that is wholly foreign is not even classified. */
static int add_own_parts(struct cr_state *state, struct cr_memory *memory,
                         const struct cr_maps_line *line, size_t *range,
                         struct cr_refusals *refusals)
{
    const struct cr_foreign *foreign = state->foreign;
    struct cr_area area;
    uint64_t at = line->start;
    int rc = 0;

    while (*range < foreign->range_count && foreign->ranges[*range].end <= line->start)
        (*range)++;
    if (*range < foreign->range_count && foreign->ranges[*range].start <= line->start &&
        foreign->ranges[*range].end >= line->end)
        return 0;
    cr_maps_classify(line, last_area(memory), &area, refusals);
    for (size_t i = *range; rc == 0 && i < foreign->range_count; i++) {
        const struct cr_range *hole = &foreign->ranges[i];

        if (hole->start >= line->end)
            break;
        rc = add_piece(state, memory, &area, at, hole->start);
        at = hole->end;
    }
    return rc < 0 ? rc : add_piece(state, memory, &area, at, line->end);
}

static int read_areas(struct cr_state *state, struct cr_memory *memory, struct cr_error *err)
{
    struct cr_refusals refusals = {0};
    struct cr_maps_line line;
    size_t length;
    size_t range = 0;
    char *text;
    int rc = cr_proc_read(state->arena, "/proc/thread-self/maps", &text, &length, err);

    if (rc < 0)
        return rc;
    memory->areas = (struct cr_area *)(state->arena->base + state->arena->used);
    while ((rc = cr_maps_next(&text, &line)) > 0) {
        if (add_own_parts(state, memory, &line, &range, &refusals) < 0)
            return cr_fail_memory(err);
    }
    if (rc < 0)
        return cr_fail(err, CR_EINTERNAL, "/proc/self/maps has a line that is not understood: %s",
                       text);
    return cr_refusals_end(&refusals, err);
}

static void encode_area(const struct cr_area *area, quiesce_image_Area *out)
{
    *out = (quiesce_image_Area){
        .start = area->start,
        .end = area->end,
        .protection = area->protection,
        .flags = area->flags,
        .kind = (quiesce_image_AreaKind)area->kind,
        .offset = area->offset,
        .file = area->file,
        .vm_flags = area->vm_flags,
    };
    if (area->name[0] == '[')
        cr_str_copy(out->name, sizeof(out->name), area->name);
}

static int add_areas_note(struct cr_state *state, const struct cr_area *areas, size_t count,
                          quiesce_image_Areas *message, struct cr_error *err)
{
    message->area_count = (pb_size_t)count;
    for (size_t i = 0; i < count; i++)
        encode_area(&areas[i], &message->area[i]);
    return cr_state_add(state, quiesce_image_NoteType_NOTE_AREAS, quiesce_image_Areas_fields,
                        message, err);
}

static int encode_areas(struct cr_state *state, const struct cr_memory *memory,
                        struct cr_error *err)
{
    quiesce_image_Areas *message;
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (size_t done = 0; rc == 0 && done < memory->area_count; done += AREAS_PER_NOTE) {
        size_t left = memory->area_count - done;

        rc = add_areas_note(state, memory->areas + done,
                            left < AREAS_PER_NOTE ? left : AREAS_PER_NOTE, message, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}

int cr_memory_collect(struct cr_state *state, struct cr_memory *ret_memory, struct cr_error *err)
{
    struct cr_memory memory = {0};
    int rc = read_areas(state, &memory, err);

    if (rc == 0)
        rc = cr_advice_collect(state, &memory, err);
    if (rc == 0)
        rc = cr_sysv_collect(state, &memory, err);
    if (rc == 0)
        rc = cr_omit_collect(state, &memory, err);
    if (rc == 0)
        rc = cr_mapped_collect(state, &memory, err);
    if (rc == 0)
        rc = encode_areas(state, &memory, err);
    if (rc == 0)
        rc = cr_lock_collect(state, err);
    if (rc == 0)
        rc = cr_mm_collect(state, err);
    if (rc == 0)
        *ret_memory = memory;
    return rc;
}
