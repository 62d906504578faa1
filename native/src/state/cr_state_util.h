/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the kinds of state share: scratch memory, files of /proc, refusals. */
#ifndef CR_STATE_UTIL_H
#define CR_STATE_UTIL_H

#include "cr_arena.h"
#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

#define CR_PATH_SIZE 4096
#define CR_DELETED_SUFFIX " (deleted)"

/*
 * Working memory for the time of one function: half of what ARENA has left, from its end. Until cr_scratch_end() the arena
 * is smaller by that; afterwards the memory is zero again, costs nothing, and is not part of the image.
 */
struct cr_scratch {
    struct cr_arena arena;
    struct cr_arena *lender;
};
void cr_scratch_begin(struct cr_scratch *scratch, struct cr_arena *lender);
void cr_scratch_end(struct cr_scratch *scratch);

/* -ENOMEM with a text that names the cure. */
int cr_fail_memory(struct cr_error *err);

/*
 * Reads a file of /proc of any length to the end of ARENA and puts NUL behind it. Takes exactly what it needs. Returns
 * 0, or a negative code with the path in ERR.
 */
int cr_proc_read(struct cr_arena *arena, const char *path, char **ret_text, size_t *ret_length,
                 struct cr_error *err);

/*
 * The entries of directory PATH that are numbers ("/proc/self/fd", "/proc/self/task"), as the directory gives them; the
 * descriptor used for reading is not among them. The list is in ARENA.
 */
int cr_proc_list(struct cr_arena *arena, const char *path, int **ret_numbers, size_t *ret_count,
                 struct cr_error *err);

/*
 * The value behind NAME ("SigPnd:") at the start of a line of a file such as /proc/PID/status, without the blanks before it;
 * cut to SIZE - 1. For small stacks. Returns 0, -ENOENT if there is no such line, or -errno.
 */
int cr_proc_find(const char *path, const char *name, char *out, size_t size);

/* readlink into OUT with NUL. Returns the length, or -errno; -ENAMETOOLONG if it does not fit. */
long cr_sys_readlink(const char *path, char *out, size_t size);

/* stat(2) of PATH; follows links. */
struct stat;
int cr_sys_stat(const char *path, struct stat *ret_stat);
int cr_sys_fstat(int fd, struct stat *ret_stat);

/* Nanoseconds since the epoch of the last change of contents. */
int64_t cr_stat_mtime_ns(const struct stat *st);

/* Does TEXT end with SUFFIX? */
int cr_str_ends(const char *text, const char *suffix);

/* Objects that cannot be saved: the first one is kept in words, the others are counted. Begin with {0}. */
struct cr_refusals {
    unsigned count;
    char first[CR_ERROR_TEXT_MAX - 64];
};
void cr_refuse(struct cr_refusals *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 0 if there is none, else -CR_EREFUSED with the first one and "(and N more)" in ERR. */
int cr_refusals_end(const struct cr_refusals *r, struct cr_error *err);

#endif
