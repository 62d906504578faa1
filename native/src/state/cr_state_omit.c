/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What the policy (cr_policy.h) means for the areas of this process. For each address the first of
 * these counts: memory that we or a thread's stack need is saved; what the program has said about the range; a rule of
 * the request for the mapping; a rule of the program for it; madvise().
 */
#include "cr_fd_content.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"

#include <errno.h>
#include <sys/mman.h>

#define OMISSION_BLOCK 64UL
#define AREA_BLOCK 256UL

/* What is said about a whole area. */
struct verdict {
    int policy; /* cr_policy_kind */
    enum cr_policy_reason reason;
};

static int is_pinned(const struct cr_state *state, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < state->pinned_count; i++) {
        if (state->pinned[i] >= start && state->pinned[i] < end)
            return 1;
    }
    return state->arena->base >= start && state->arena->base < end;
}

static int is_anonymous(const struct cr_area *area)
{
    return area->kind == quiesce_image_AreaKind_AREA_PRIVATE ||
           area->kind == quiesce_image_AreaKind_AREA_SHARED;
}

static struct verdict judge(const struct cr_area *area)
{
    struct verdict v = {CR_KEEP, CR_LEFT_REQUEST};
    int policy = cr_policy_of_mapping(area->start, area->end, area->name, &v.reason);

    if (policy >= 0) {
        v.policy = policy;
    } else if (!is_anonymous(area)) {
        v.policy = CR_KEEP;
    } else if ((area->vm_flags & CR_ADVICE_DONTDUMP) && !cr_policy_keeps_dontdump()) {
        v = (struct verdict){CR_ZERO, CR_LEFT_DONTDUMP};
    } else if (area->freed && area->kind == quiesce_image_AreaKind_AREA_PRIVATE) {
        v = (struct verdict){CR_ZERO, CR_LEFT_FREED};
    }
    return v;
}

static int is_movable(const struct cr_area *area)
{
    return area->kind != quiesce_image_AreaKind_AREA_VDSO &&
           area->kind != quiesce_image_AreaKind_AREA_SKIPPED;
}

/* The omissions grow at the end of the arena. */
static int omit(struct cr_state *state, struct cr_memory *memory, uint64_t start, uint64_t end,
                struct verdict v)
{
    if (start >= end || v.policy == CR_KEEP || is_pinned(state, start, end))
        return 0;
    if (memory->omission_count % OMISSION_BLOCK == 0 &&
        cr_arena_alloc(state->arena, OMISSION_BLOCK * sizeof(struct cr_omission)) == NULL)
        return -ENOMEM;
    memory->omissions[memory->omission_count++] =
        (struct cr_omission){start, end, v.reason, v.policy == CR_DROP};
    return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int omit_of_area(struct cr_state *state, struct cr_memory *memory,
                        const struct cr_area *area)
{
    const struct cr_policy_range *ranges;
    size_t count = cr_policy_ranges(&ranges);
    struct verdict whole = {CR_KEEP, CR_LEFT_REQUEST};
    uint64_t at = area->start;
    int rc = 0;

    if (area->kind != quiesce_image_AreaKind_AREA_STACK &&
        !is_pinned(state, area->start, area->end))
        whole = judge(area);
    for (size_t i = 0; rc == 0 && i < count && ranges[i].start < area->end; i++) {
        const struct verdict said = {(int)ranges[i].policy, CR_LEFT_PROGRAM};
        uint64_t start = ranges[i].start > at ? ranges[i].start : at;

        if (ranges[i].end <= at)
            continue;
        rc = omit(state, memory, at, start, whole);
        at = smaller(ranges[i].end, area->end);
        if (rc == 0)
            rc = omit(state, memory, start, at, said);
    }
    return rc < 0 ? rc : omit(state, memory, at, area->end, whole);
}

static int add_area(struct cr_state *state, struct cr_area *list, size_t *count,
                    const struct cr_area *whole, uint64_t start, uint64_t end)
{
    struct cr_area *piece = &list[*count];

    if (start >= end)
        return 0;
    if (*count % AREA_BLOCK == 0 &&
        cr_arena_alloc(state->arena, AREA_BLOCK * sizeof(struct cr_area)) == NULL)
        return -ENOMEM;
    *piece = *whole;
    piece->start = start;
    piece->end = end;
    piece->offset = whole->offset + (start - whole->start);
    (*count)++;
    return 0;
}

/* The areas without what is dropped, in a new list. */
static int cut_dropped(struct cr_state *state, struct cr_memory *memory)
{
    struct cr_area *list = (struct cr_area *)(state->arena->base + state->arena->used);
    size_t count = 0;
    size_t next = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < memory->area_count; i++) {
        const struct cr_area *area = &memory->areas[i];
        uint64_t at = area->start;

        for (; rc == 0 && next < memory->omission_count; next++) {
            const struct cr_omission *o = &memory->omissions[next];

            if (o->start >= area->end)
                break;
            if (!o->dropped)
                continue;
            rc = add_area(state, list, &count, area, at, o->start);
            at = o->end;
        }
        if (rc == 0)
            rc = add_area(state, list, &count, area, at, area->end);
    }
    memory->areas = list;
    memory->area_count = count;
    return rc;
}

/* A private map whose contents are stored needs its file no more. A shared one stays a map of its file. */
static void choose_contents(const struct cr_state *state, struct cr_area *area,
                            const char *executable)
{
    uint32_t save = cr_policy_save();

    if (area->kind == quiesce_image_AreaKind_AREA_FILE_PRIVATE) {
        if (!(save & CR_SAVE_PRIVATE) &&
            !((save & CR_SAVE_EXECUTABLE) && cr_str_equal(area->name, executable)))
            return;
        area->kind = quiesce_image_AreaKind_AREA_PRIVATE;
        area->flags |= MAP_ANONYMOUS;
    } else if (area->kind == quiesce_image_AreaKind_AREA_FILE_SHARED) {
        area->contents = (save & CR_SAVE_SHARED) || cr_str_starts(area->name, "/dev/shm/") ||
                         cr_policy_of_file(area->name, -1) == CR_FILES_CONTENTS ||
                         cr_held_find(state, area->device, area->inode) != NULL;
    }
}

static void choose_all_contents(const struct cr_state *state, struct cr_memory *memory)
{
    char executable[CR_PATH_SIZE];

    if (cr_sys_readlink("/proc/thread-self/exe", executable, sizeof(executable)) < 0)
        executable[0] = '\0';
    for (size_t i = 0; i < memory->area_count; i++)
        choose_contents(state, &memory->areas[i], executable);
}

int cr_omit_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err)
{
    int dropped = 0;
    int rc = 0;

    choose_all_contents(state, memory);
    memory->omissions = (struct cr_omission *)(state->arena->base + state->arena->used);
    memory->omission_count = 0;
    for (size_t i = 0; rc == 0 && i < memory->area_count; i++) {
        if (is_movable(&memory->areas[i]))
            rc = omit_of_area(state, memory, &memory->areas[i]);
    }
    for (size_t i = 0; i < memory->omission_count; i++)
        dropped |= (int)memory->omissions[i].dropped;
    if (rc == 0 && dropped)
        rc = cut_dropped(state, memory);
    return rc < 0 ? cr_fail_memory(err) : 0;
}

uint64_t cr_omit_next(struct cr_memory *memory, size_t *cursor, uint64_t start, uint64_t end,
                      uint64_t *ret_end)
{
    *ret_end = end;
    for (; *cursor < memory->omission_count; (*cursor)++) {
        const struct cr_omission *o = &memory->omissions[*cursor];

        if (o->start >= end)
            return start;
        if (o->end <= start)
            continue;
        if (o->start > start) {
            *ret_end = o->start;
            return start;
        }
        memory->left_out[o->reason] += smaller(o->end, end) - start;
        start = smaller(o->end, end);
        if (start == end)
            return end;
    }
    return start;
}

int cr_omit_encode(struct cr_state *state, const struct cr_memory *memory, struct cr_error *err)
{
    const quiesce_image_LeftOut note = {.dontdump = memory->left_out[CR_LEFT_DONTDUMP],
                                        .freed = memory->left_out[CR_LEFT_FREED],
                                        .program = memory->left_out[CR_LEFT_PROGRAM],
                                        .request = memory->left_out[CR_LEFT_REQUEST]};

    if (note.dontdump == 0 && note.freed == 0 && note.program == 0 && note.request == 0)
        return 0;
    return cr_state_add(state, quiesce_image_NoteType_NOTE_LEFT_OUT, quiesce_image_LeftOut_fields,
                        &note, err);
}
