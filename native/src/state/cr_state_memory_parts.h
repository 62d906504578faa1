/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The parts of cr_state_memory.c, each in a file of its own; nobody else includes this. */
#ifndef CR_STATE_MEMORY_PARTS_H
#define CR_STATE_MEMORY_PARTS_H

#include "cr_state_mapped.h"
#include "cr_state_memory.h"
#include "cr_state_util.h"

#include "image.pb.h"

/* One line of /proc/self/maps. */
struct cr_maps_line {
    uint64_t start, end, offset, device, inode;
    uint32_t protection;
    int shared;
    const char *name; /* "" if it has none; \012 turned back into a newline */
};

/*
 * Parses the line at *AT (which is changed: the name is ended with NUL) and moves *AT behind it. Returns 1, 0 at the end
 * of the text, or -EINVAL for a line that is none.
 */
int cr_maps_next(char **at, struct cr_maps_line *ret_line);

/*
 * Fills kind, flags and name of AREA from LINE, or adds to REFUSALS why it cannot be saved. BEFORE:
 * the area below it, or NULL; one of the same file saves asking for it.
 */
void cr_maps_classify(const struct cr_maps_line *line, const struct cr_area *before,
                      struct cr_area *ret_area, struct cr_refusals *refusals);

/* Is this private area's whole contents stored, since the file behind it is gone? */
int cr_area_lost_its_file(const struct cr_area *area);

/* Gives each area with a file its index, and adds NOTE_MAPPED_FILES. */
int cr_mapped_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err);

/*
 * The build-id of FILE, whose first byte is mapped at ADDRESS; FD is /proc/self/mem. As
 * cr_mapped_build_id(), but remembers what it has found. FILE says size, device, inode and mtime.
 */
size_t cr_mapped_known_build_id(int fd, uint64_t address, const quiesce_image_MappedFile *file,
                                uint8_t *out, size_t size);

/* Advice and locks of all areas from /proc/self/smaps, where that is cheap or needed. */
int cr_advice_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err);

/* Applies the policy to the areas: what is left out, dropped, and stored though a file has it. */
int cr_omit_collect(struct cr_state *state, struct cr_memory *memory, struct cr_error *err);

/* Counts what of [START, END) is left out, and returns where the next piece to be stored begins; *RET_END: its end. */
uint64_t cr_omit_next(struct cr_memory *memory, size_t *cursor, uint64_t start, uint64_t end,
                      uint64_t *ret_end);

/* NOTE_LEFT_OUT, if anything was. */
int cr_omit_encode(struct cr_state *state, const struct cr_memory *memory, struct cr_error *err);

/* mlockall(MCL_FUTURE), as NOTE_MEMORY_MODE; and back into the kernel, as are the locks of an area. */
int cr_lock_collect(struct cr_state *state, struct cr_error *err);
int cr_lock_put_back(struct cr_state *state, struct cr_error *err);
int cr_lock_put_back_area(const quiesce_image_Area *area, struct cr_error *err);

/* System V objects (NOTE_SYSV, NOTE_SYSV_MESSAGE); and what of them belongs to the process alone. */
int cr_sysv_collect(struct cr_state *state, const struct cr_memory *memory, struct cr_error *err);
int cr_sysv_put_back(struct cr_state *state, struct cr_error *err);

/* NOTE_MM, and back into the kernel. */
int cr_mm_collect(struct cr_state *state, struct cr_error *err);
int cr_mm_put_back(struct cr_state *state, struct cr_error *err);

/* A scan in progress. */
struct cr_scan {
    struct cr_state *state;
    struct cr_memory *memory;
    int pagemap;             /* /proc/self/pagemap */
    int mem;                 /* /proc/self/mem, -1: not opened yet */
    int no_ioctl;            /* PAGEMAP_SCAN is missing or must not be used */
    int no_guard;            /* PAGEMAP_SCAN does not know guard pages */
    int swap_in_use;         /* pages of shared memory may be in swap */
    void *buffer;            /* CR_SCAN_BUFFER bytes */
    uint64_t covered;        /* end of what has been reported; nothing below it is reported again */
    size_t no_join;          /* index of a run that must not grow, or SIZE_MAX */
    size_t omission;         /* the first one that is not passed */
    size_t dropped;          /* the first one that is not counted */
    size_t arena_run;        /* index of the run of our own arena, or SIZE_MAX */
    uint64_t arena_end;      /* of its reservation */
    struct cr_range *guards; /* CR_SCAN_GUARDS of them */
    size_t guard_count;      /* goes beyond that when there are too many */
};
#define CR_SCAN_BUFFER (64UL * 1024)
#define CR_SCAN_GUARDS 65536UL

/* Adds [START, END) of AREA to the runs, joined with the one before where nothing lies between. 0 or -ENOMEM. */
int cr_scan_add(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end);

/* Notes that [START, END) is guarded, joined with the range before it. */
void cr_scan_add_guard(struct cr_scan *scan, uint64_t start, uint64_t end);

/* NOTE_GUARDS from the ranges found, if there are any; and back into the kernel. */
int cr_guards_encode(struct cr_state *state, struct cr_arena *scratch,
                     const struct cr_range *guards, size_t count, struct cr_error *err);
int cr_guards_put_back(struct cr_state *state, struct cr_error *err);

/*
 * The ways to find contents in [START, END) of AREA. Each returns 0 or a negative errno; cr_scan_ioctl() -ENOTTY where
 * the kernel (before 6.7) lacks it.
 */
int cr_scan_ioctl(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end);
int cr_scan_pagemap(struct cr_scan *scan, const struct cr_area *area, uint64_t start, uint64_t end);

/* For whole areas: shared objects; and every page that can be read at all. */
int cr_scan_shared(struct cr_scan *scan, const struct cr_area *area);
int cr_scan_readable(struct cr_scan *scan, const struct cr_area *area);

#endif
