/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Advice, locks and names of areas. The kernel shows the first two in smaps only, for which it walks all
 * page tables: 10 ms per GiB in memory. So the list may be read before the threads are stopped.
 */
#include "cr_state_kinds.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sys/mman.h>

struct flag_name {
    char name[3];
    uint32_t advice;
};

static const struct flag_name FLAG_NAMES[] = {
    {"hg", CR_ADVICE_HUGE},      {"nh", CR_ADVICE_NOHUGE},     {"dd", CR_ADVICE_DONTDUMP},
    {"dc", CR_ADVICE_DONTFORK},  {"wf", CR_ADVICE_WIPEONFORK}, {"lo", CR_ADVICE_LOCKED},
    {"nr", CR_ADVICE_NORESERVE}, {"mg", CR_ADVICE_MERGEABLE},
};

#define FLAG_COUNT (sizeof(FLAG_NAMES) / sizeof(*FLAG_NAMES))

/* Flags that no advice can bring back, and what they say. */
static const char *refused_flag(const char *flag)
{
    if (cr_str_starts(flag, "um") || cr_str_starts(flag, "uw") || cr_str_starts(flag, "ui"))
        return "is watched by a userfaultfd; unregister it before the checkpoint";
    if (cr_str_starts(flag, "ht"))
        return "is of huge pages (hugetlb); use transparent huge pages (MADV_HUGEPAGE) instead";
    if (cr_str_starts(flag, "io") || cr_str_starts(flag, "pf"))
        return "is a mapping of a device; unmap and close it before the checkpoint";
    return NULL;
}

/* What smaps says about one area. */
struct smaps_entry {
    struct cr_range range;
    uint32_t advice;
    uint32_t reserved;
    const char *refused; /* NULL, or why it cannot be saved */
};

#define ENTRY_BLOCK 64UL
#define PREPARED_SIZE (64UL << 20) /* of address space: smaps has 1 KiB of text per area */

struct smaps_list {
    struct smaps_entry *entries;
    size_t count;
};

/* Read before the threads were stopped; used once. */
static struct cr_arena prepared_arena;
static struct smaps_list prepared;

static void parse_flags(const char *at, struct smaps_entry *entry)
{
    while (*at == ' ' && at[1] != '\n' && at[1] != '\0') {
        const char *why = refused_flag(at + 1);

        for (size_t i = 0; i < FLAG_COUNT; i++) {
            if (cr_str_starts(at + 1, FLAG_NAMES[i].name))
                entry->advice |= FLAG_NAMES[i].advice;
        }
        if (why != NULL)
            entry->refused = why;
        for (at++; *at != ' ' && *at != '\n' && *at != '\0';)
            at++;
    }
}

static const char *next_line(const char *at)
{
    while (*at != '\n' && *at != '\0')
        at++;
    return *at == '\n' ? at + 1 : at;
}

/* A line that begins an area: "START-END ...". Other lines begin with a capital letter. */
static int parse_range(const char *at, struct cr_range *range)
{
    struct cr_range found;

    found.start = cr_parse_u64(&at, 16);
    if (*at != '-')
        return 0;
    at++;
    found.end = cr_parse_u64(&at, 16);
    if (*at != ' ')
        return 0;
    *range = found;
    return 1;
}

/* The list grows at the end of the arena. */
static int parse_smaps(struct cr_arena *arena, const char *text, struct smaps_list *list)
{
    struct cr_range range = {0, 0};

    list->entries = (struct smaps_entry *)(arena->base + arena->used);
    list->count = 0;
    for (; *text != '\0'; text = next_line(text)) {
        struct smaps_entry *entry;

        if (parse_range(text, &range) || !cr_str_starts(text, "VmFlags:"))
            continue;
        if (list->count % ENTRY_BLOCK == 0 &&
            cr_arena_alloc(arena, ENTRY_BLOCK * sizeof(*entry)) == NULL)
            return -ENOMEM;
        entry = &list->entries[list->count++];
        *entry = (struct smaps_entry){.range = range};
        parse_flags(text + sizeof("VmFlags:") - 1, entry);
    }
    return 0;
}

static int read_smaps(struct cr_arena *arena, struct smaps_list *list, struct cr_error *err)
{
    size_t length;
    char *text;
    int rc = cr_proc_read(arena, "/proc/thread-self/smaps", &text, &length, err);

    if (rc < 0)
        return rc;
    return parse_smaps(arena, text, list) < 0 ? cr_fail_memory(err) : 0;
}

/*
 * Both lists are in ascending order; areas may be pieces of what smaps shows. Returns 0 if an area is in none or sticks
 * out: then the list is from before a change.
 */
static int apply(const struct smaps_list *list, struct cr_memory *memory,
                 struct cr_refusals *refusals)
{
    size_t next = 0;
    int fits = 1;

    for (size_t i = 0; i < memory->area_count; i++) {
        struct cr_area *area = &memory->areas[i];
        const struct smaps_entry *entry;

        while (next < list->count && list->entries[next].range.end <= area->start)
            next++;
        entry = &list->entries[next];
        if (next == list->count || entry->range.start > area->start ||
            entry->range.end < area->end) {
            fits = 0;
            continue;
        }
        area->vm_flags = entry->advice;
        if (entry->refused != NULL && area->kind != quiesce_image_AreaKind_AREA_VDSO &&
            area->kind != quiesce_image_AreaKind_AREA_SKIPPED)
            cr_refuse(refusals, "memory at 0x%lx-0x%lx %s", area->start, area->end, entry->refused);
    }
    return fits;
}

int cr_memory_prepare(struct cr_error *err)
{
    int rc = 0;

    if (prepared_arena.size == 0)
        rc = cr_arena_create(&prepared_arena, PREPARED_SIZE);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot reserve working memory: %s", cr_error_words(-rc));
    cr_arena_reset(&prepared_arena);
    return read_smaps(&prepared_arena, &prepared, err);
}

static int apply_prepared(struct cr_memory *memory, struct cr_refusals *refusals)
{
    int fits = prepared.count > 0 && apply(&prepared, memory, refusals);

    cr_arena_reset(&prepared_arena);
    prepared = (struct smaps_list){NULL, 0};
    return fits;
}

int cr_advice_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err)
{
    struct cr_refusals refusals = {0};
    struct smaps_list list;
    struct cr_scratch scratch;
    int rc;

    if (apply_prepared(memory, &refusals))
        return cr_refusals_end(&refusals, err);
    refusals.count = 0;
    cr_scratch_begin(&scratch, state->arena);
    rc = read_smaps(&scratch.arena, &list, err);
    if (rc == 0)
        apply(&list, memory, &refusals);
    cr_scratch_end(&scratch);
    return rc < 0 ? rc : cr_refusals_end(&refusals, err);
}

struct advice_call {
    uint32_t advice;
    int call;
};

static const struct advice_call ADVICE_CALLS[] = {
    {CR_ADVICE_HUGE, MADV_HUGEPAGE},         {CR_ADVICE_NOHUGE, MADV_NOHUGEPAGE},
    {CR_ADVICE_DONTDUMP, MADV_DONTDUMP},     {CR_ADVICE_DONTFORK, MADV_DONTFORK},
    {CR_ADVICE_WIPEONFORK, MADV_WIPEONFORK}, {CR_ADVICE_MERGEABLE, MADV_MERGEABLE},
};

#define ADVICE_COUNT (sizeof(ADVICE_CALLS) / sizeof(*ADVICE_CALLS))
#define ANON_NAME "[anon:"
#define ANON_NAME_MAX 80

/* Names and speed hints are worth trying, not failing for: a kernel may be built without any of them. */
static void put_back_hints(const quiesce_image_Area *area)
{
    char name[ANON_NAME_MAX];
    size_t length;

    if (!cr_str_starts(area->name, ANON_NAME))
        return;
    length = cr_str_copy(name, sizeof(name), area->name + sizeof(ANON_NAME) - 1);
    if (length > 0 && name[length - 1] == ']')
        name[length - 1] = '\0';
    cr_sys(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, area->start, area->end - area->start, name);
}

static int put_back_area(const quiesce_image_Area *area, struct cr_error *err)
{
    size_t size = area->end - area->start;

    if (area->kind == quiesce_image_AreaKind_AREA_VDSO ||
        area->kind == quiesce_image_AreaKind_AREA_SKIPPED)
        return 0;
    for (size_t i = 0; i < ADVICE_COUNT; i++) {
        if (area->vm_flags & ADVICE_CALLS[i].advice)
            cr_sys(SYS_madvise, area->start, size, ADVICE_CALLS[i].call);
    }
    put_back_hints(area);
    if (area->vm_flags & CR_ADVICE_LOCKED) {
        int rc = (int)cr_sys(SYS_mlock, area->start, size);

        if (rc < 0)
            return cr_fail(err, -rc,
                           "cannot lock the memory at 0x%lx-0x%lx again (%s); raise the limit of "
                           "locked memory (ulimit -l) and restart",
                           area->start, area->end, cr_error_words(-rc));
    }
    return 0;
}

static int put_back_note(const struct cr_note *note, quiesce_image_Areas *message,
                         struct cr_error *err)
{
    int rc = cr_state_decode(note, quiesce_image_Areas_fields, message, err);

    for (size_t i = 0; rc == 0 && i < message->area_count; i++)
        rc = put_back_area(&message->area[i], err);
    return rc;
}

int cr_memory_put_back(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Areas *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type == quiesce_image_NoteType_NOTE_AREAS)
            rc = put_back_note(note, message, err);
    }
    cr_scratch_end(&scratch);
    if (rc == 0)
        rc = cr_guards_put_back(state, err);
    return rc < 0 ? rc : cr_mm_put_back(state, err);
}
