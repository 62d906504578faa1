/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The address space: areas (VMAs), the files mapped in them with their build-ids, and which pages have
 * contents.
 */
#ifndef CR_STATE_MEMORY_H
#define CR_STATE_MEMORY_H

#include "cr_image.h"
#include "cr_policy.h"
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
    CR_ADVICE_LOCK_ON_FAULT = 256,
    CR_ADVICE_SEALED = 512,
    CR_ADVICE_DROPPABLE = 1024,
    CR_ADVICE_HUGETLB = 2048,
    CR_ADVICE_RANDOM = 4096,
    CR_ADVICE_SEQUENTIAL = 8192,
    CR_ADVICE_PAGE_SHIFT =
        24, /* from this bit on: logarithm of the size of pages of hugetlb memory */
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
    uint32_t file;     /* 1-based, 0: none */
    uint32_t contents; /* of a shared map of a file: the contents are stored */
    uint32_t freed;    /* all that it has in memory was given up (MADV_FREE) */
    uint32_t reserved;
    const char *name; /* as in /proc/self/maps, in the arena */
};

/* Memory whose contents are not stored. */
struct cr_omission {
    uint64_t start;
    uint64_t end;
    uint32_t reason; /* cr_policy_reason */
    uint32_t dropped;
};

struct cr_memory {
    struct cr_area *areas;
    size_t area_count;
    struct cr_run *runs;
    size_t run_count;
    uint64_t bytes;                /* sum of the runs with contents */
    struct cr_omission *omissions; /* ascending, not overlapping */
    size_t omission_count;
    uint64_t left_out[CR_LEFT_REASONS]; /* bytes of contents that are not stored */
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

/*
 * Makes AT the program break of this process and the lowest one that it can have (PR_SET_MM_MAP). Where the kernel was built
 * without that (CONFIG_CHECKPOINT_RESTORE) it fails and the break stays.
 */
int cr_memory_move_break(uint64_t at, struct cr_error *err);

#endif
