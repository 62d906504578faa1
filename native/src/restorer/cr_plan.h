/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: restorer. Everything that is needed to bring a process back, decoded and checked
 * beforehand: the code that follows it has no libc, and after its first step nothing else is
 * mapped.
 */
#ifndef CR_PLAN_H
#define CR_PLAN_H

#include "cr_context.h"
#include "cr_image_reader.h"
#include "cr_thread.h"

#include <linux/prctl.h>
#include <stdint.h>

#define CR_PLAN_READERS 2
#define CR_PLAN_STACK (64UL << 10)
#define CR_PLAN_VDSO_PARTS 4

struct cr_plan_area {
    uint64_t start, end, offset;
    uint32_t protection, flags, kind, vm_flags;
    int32_t file;    /* index, -1: none */
    uint32_t filled; /* holds page data of the image */
};

#define CR_PLAN_CONTENTS_IDLE 2

struct cr_plan_file {
    const char *path;
    int32_t object; /* 1: has no path; made anew */
    int32_t fd;     /* open, or -1 */
    uint64_t size;
    /* 1: the image has the contents of this file, which is given its old size; CR_PLAN_CONTENTS_IDLE: has, but leave the file */
    uint32_t contents;  /* the image has the contents of this file, which is given its old size */
    uint32_t mode;      /* of a file that is made anew; 0: it must exist */
    uint32_t sysv;      /* System V segment: its id plus 1 */
    uint32_t sysv_then; /* the same at the checkpoint */
    uint64_t device, inode; /* of an object at the time of the image */
    uint32_t huge;          /* an object of huge pages: flags for memfd_create() */
};

/* A number that goes into the memory of the process. */
struct cr_plan_id {
    uint64_t address;
    int32_t value;
    int32_t reserved;
};

/* A part of the vdso: mapped at FROM now, and where the image has it. */
struct cr_plan_vdso {
    uint64_t from, to, size;
};

struct cr_plan_thread {
    const struct cr_context *context; /* first member of a struct cr_thread in the image */
    int32_t tid;
    int32_t is_main;
};

struct cr_plan {
    int32_t image_fd;
    int32_t exact_tids;  /* 1: demand; 0: try; -1: do not try */
    int32_t keep_others; /* 1: this process keeps what it has; nothing may be in the way */
    uint32_t verify;
    struct cr_plan_area *areas;
    struct cr_plan_file *files;
    const struct cr_stored_run *runs; /* ascending in memory and in the file */
    const uint64_t *chunks;           /* XXH3-64 of each CR_DIGEST_CHUNK of page data */
    struct cr_plan_thread *threads;
    const struct cr_plan_id *ids;
    size_t id_count;
    size_t area_count, file_count, run_count, chunk_count, thread_count;
    uint64_t data_offset, data_size;
    uint64_t agent_state;
    int32_t handoff_fd, restart_fd; /* see cr_agent_state.h */
    uint32_t handoff_member;
    struct cr_plan_vdso vdso[CR_PLAN_VDSO_PARTS];
    size_t vdso_count;
    uint64_t parking;      /* free address space for the vdso on its way */
    uint64_t region_start; /* the restorer's own memory */
    uint64_t region_end;
    struct prctl_mm_map mm; /* all zero: leave it */
    uint64_t stacks[CR_PLAN_READERS];
    volatile uint64_t next_chunk;
    volatile uint32_t readers[CR_PLAN_READERS]; /* futex: 0 when the reader has ended */
    volatile int32_t error;                     /* 0, or a positive code: errno or CR_E... */
    char text[256];
};

/* The first failure is kept: CODE, and WHAT with NUMBER in hexadecimal. Returns -CODE. */
int cr_plan_fail(struct cr_plan *plan, int code, const char *what, uint64_t number);

/* Maps all areas, writable where they are to be filled. */
int cr_plan_map(struct cr_plan *plan);

/* Reads all page data into place and compares the digests. */
int cr_plan_fill(struct cr_plan *plan);

/* Gives the areas their protections, and closes the files. */
int cr_plan_protect(struct cr_plan *plan);

/* Says to the agent in the image what it must know. */
int cr_plan_tell_agent(struct cr_plan *plan);

/* Starts all threads but the main one. */
int cr_plan_start_threads(struct cr_plan *plan);

/* The calling thread goes on as the main thread of the image. */
__attribute__((noreturn)) void cr_plan_become_main(struct cr_plan *plan);

#endif
