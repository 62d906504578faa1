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
    {"nr", CR_ADVICE_NORESERVE}, {"mg", CR_ADVICE_MERGEABLE},  {"lf", CR_ADVICE_LOCK_ON_FAULT},
    {"sl", CR_ADVICE_SEALED},    {"dp", CR_ADVICE_DROPPABLE},  {"ht", CR_ADVICE_HUGETLB},
    {"rr", CR_ADVICE_RANDOM},    {"sr", CR_ADVICE_SEQUENTIAL},
};

#define FLAG_COUNT (sizeof(FLAG_NAMES) / sizeof(*FLAG_NAMES))

/* Flags that no advice can bring back, and what they say. */
static const char *refused_flag(const char *flag)
{
    if (cr_str_starts(flag, "um") || cr_str_starts(flag, "uw") || cr_str_starts(flag, "ui"))
        return "is watched by a userfaultfd; unregister it before the checkpoint";
    if (cr_str_starts(flag, "io") || cr_str_starts(flag, "pf"))
        return "is a mapping of a device; unmap and close it before the checkpoint";
    return NULL;
}

/* What smaps says about one area. */
struct smaps_entry {
    struct cr_range range;
    uint32_t advice;
    uint32_t grows_down;
    uint64_t page_kib;      /* of this area; 0: unknown */
    uint64_t anonymous_kib; /* contents that no file has */
    uint64_t freed_kib;     /* of that: given up (MADV_FREE), and not written since */
    uint64_t swap_kib;
    uint64_t key;        /* protection key */
    const char *refused; /* NULL, or why it cannot be saved */
};

#define ENTRY_BLOCK 64UL
#define FREED_MIN_KIB 1024         /* less is not worth a second look */
#define PREPARED_SIZE (64UL << 20) /* of address space: smaps has 1 KiB of text per area */

struct smaps_list {
    struct smaps_entry *entries;
    size_t count;
};

/* Read before the threads were stopped; used once. */
static struct cr_arena prepared_arena;
static struct smaps_list prepared;

/* The number of KiB, or any other, of a line with NAME. */
static int parse_number(const char *text, const char *name, uint64_t *number)
{
    if (!cr_str_starts(text, name))
        return 0;
    text += cr_strlen(name);
    while (*text == ' ')
        text++;
    *number = cr_parse_u64(&text, 10);
    return 1;
}

static void parse_numbers(const char *text, struct smaps_entry *entry)
{
    if (parse_number(text, "KernelPageSize:", &entry->page_kib) ||
        parse_number(text, "Anonymous:", &entry->anonymous_kib) ||
        parse_number(text, "LazyFree:", &entry->freed_kib) ||
        parse_number(text, "Swap:", &entry->swap_kib))
        return;
    if (parse_number(text, "ProtectionKey:", &entry->key) && entry->key != 0)
        entry->refused =
            "has a protection key; give it key 0 (pkey_mprotect) before the checkpoint";
}

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
        if (cr_str_starts(at + 1, "gd"))
            entry->grows_down = 1;
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
    struct smaps_entry *entry = NULL;
    struct cr_range range;

    list->entries = (struct smaps_entry *)(arena->base + arena->used);
    list->count = 0;
    for (; *text != '\0'; text = next_line(text)) {
        if (parse_range(text, &range)) {
            if (list->count % ENTRY_BLOCK == 0 &&
                cr_arena_alloc(arena, ENTRY_BLOCK * sizeof(*entry)) == NULL)
                return -ENOMEM;
            entry = &list->entries[list->count++];
            *entry = (struct smaps_entry){.range = range};
        } else if (entry != NULL && cr_str_starts(text, "VmFlags:")) {
            parse_flags(text + sizeof("VmFlags:") - 1, entry);
        } else if (entry != NULL) {
            parse_numbers(text, entry);
        }
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

/* All that the area has in memory was given up by the program. */
static int is_freed(const struct smaps_entry *entry)
{
    return entry->freed_kib > 0 && entry->freed_kib == entry->anonymous_kib && entry->swap_kib == 0;
}

static void apply_entry(const struct smaps_entry *entry, struct cr_area *area,
                        struct cr_refusals *refusals)
{
    uint32_t shift = 0;

    area->vm_flags = entry->advice;
    if (entry->grows_down && area->kind == quiesce_image_AreaKind_AREA_PRIVATE) {
        area->kind = quiesce_image_AreaKind_AREA_STACK;
        area->flags |= MAP_GROWSDOWN;
    }
    if (entry->advice & CR_ADVICE_HUGETLB) {
        while (1UL << shift < entry->page_kib << 10)
            shift++;
        area->vm_flags |= shift << CR_ADVICE_PAGE_SHIFT;
    }
    area->freed = is_freed(entry);
    if (entry->refused != NULL && area->kind != quiesce_image_AreaKind_AREA_VDSO &&
        area->kind != quiesce_image_AreaKind_AREA_SKIPPED)
        cr_refuse(refusals, "memory at 0x%lx-0x%lx %s", area->start, area->end, entry->refused);
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
        if (next == list->count || entry->range.start > area->start || entry->range.end < area->end)
            fits = 0;
        else
            apply_entry(entry, area, refusals);
    }
    return fits;
}

/* Given up before the stop, memory may have been written to since: the list must be of now to be believed. */
static int has_freed(const struct smaps_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_freed(&list->entries[i]) && list->entries[i].freed_kib >= FREED_MIN_KIB)
            return 1;
    }
    return 0;
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
    int fits = prepared.count > 0 && !has_freed(&prepared) && apply(&prepared, memory, refusals);

    for (size_t i = 0; i < memory->area_count; i++)
        memory->areas[i].freed = 0;

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
    {CR_ADVICE_RANDOM, MADV_RANDOM},         {CR_ADVICE_SEQUENTIAL, MADV_SEQUENTIAL},
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
    return cr_lock_put_back_area(area, err);
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
    if (rc == 0)
        rc = cr_lock_put_back(state, err);
    if (rc == 0)
        rc = cr_sysv_put_back(state, err);
    return rc < 0 ? rc : cr_mm_put_back(state, err);
}
