/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The address space: areas (VMAs), the files mapped in them with their build-ids, and which pages have
 * contents.
 */
#ifndef CR_STATE_MEMORY_H
#define CR_STATE_MEMORY_H

#include "cr_image.h"
#include "cr_state.h"

/* Bits of Area.vm_flags: madvise and mlock state that is put back. */
enum {
    CR_ADVICE_HUGE = 1,
    CR_ADVICE_NOHUGE = 2,
    CR_ADVICE_DONTDUMP = 4,
    CR_ADVICE_DONTFORK = 8,
    CR_ADVICE_WIPEONFORK = 16,
    CR_ADVICE_LOCKED = 32,
    CR_ADVICE_NORESERVE = 64,
    CR_ADVICE_MERGEABLE = 128,
};

struct cr_area {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint64_t device;
    uint64_t inode;
    uint32_t protection;
    uint32_t kind;  /* quiesce_image_AreaKind */
    uint32_t flags; /* MAP_* */
    uint32_t vm_flags;
    uint32_t file; /* 1-based, 0: none */
    uint32_t reserved;
    const char *name; /* as in /proc/self/maps, in the arena */
};

struct cr_memory {
    struct cr_area *areas;
    size_t area_count;
    struct cr_run *runs;
    size_t run_count;
    uint64_t bytes; /* sum of the runs with contents */
};

/*
 * Optional, before the threads are stopped: reads what is slow to read (advice of areas), so that the pause is shorter.
 * cr_memory_collect() uses it if the areas are still the same ones, and reads anew otherwise. Returns 0 or a negative
 * code, which the caller may pass over.
 */
int cr_memory_prepare(struct cr_error *err);

/*
 * Reads the areas and adds NOTE_AREAS, NOTE_MAPPED_FILES and NOTE_MM to STATE. Foreign ranges are cut out.
 * Refuses areas that cannot be saved (device mappings, userfaultfd, ...) by name and address.
 */
int cr_memory_collect(struct cr_state *state, struct cr_memory *ret_memory, struct cr_error *err);

/*
 * Finds the pages with contents (PAGEMAP_SCAN, or pagemap where the kernel lacks it), fills runs, and adds NOTE_GUARDS if
 * there are guard pages. The arena of STATE is one run up to what it has in use when this returns: what is needed after a
 * restart must have been taken from it before.
 */
int cr_memory_scan(struct cr_state *state, struct cr_memory *memory, struct cr_error *err);

#endif
