/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. inotify. The kernel tells of a watch only the inode. Its path is the one that the program called
 * inotify_add_watch() with, if that went through our wrapper; else the inode's handle leads to it, where that is permitted.
 */
#ifndef CR_FD_INOTIFY_H
#define CR_FD_INOTIFY_H

#include <stddef.h>
#include <stdint.h>

/* One path that was watched. In the program's memory, and never taken out again. */
struct cr_inotify_path {
    struct cr_inotify_path *next;
    uint64_t device, inode;
    char path[];
};

/* All paths that were noted. Exported: of several copies of this library in a process the first one counts. */
__attribute__((visibility("default"))) extern struct cr_inotify_path *cr_inotify_paths;

struct cr_inotify_line {
    int wd;
    uint32_t mask;
    uint64_t inode, device; /* device as stat() has it */
    uint32_t handle_size;
    int32_t handle_type;
    uint8_t handle[128];
};

/* The next watch in the text of fdinfo from *AT on, which is moved. Returns 1, 0 at the end, or -EINVAL. */
int cr_inotify_next(const char **at, struct cr_inotify_line *ret_line);

/* The path of a watch into OUT, which has room for CR_PATH_SIZE. Returns 0, or -ENOENT if it is not found. */
struct cr_arena;
int cr_inotify_find_path(struct cr_arena *scratch, const struct cr_inotify_line *line, char *out);

#endif
