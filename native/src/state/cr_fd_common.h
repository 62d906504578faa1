/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What many kinds of descriptors need: /proc/self/fdinfo, flags, duplicates. */
#ifndef CR_FD_COMMON_H
#define CR_FD_COMMON_H

#include "cr_state_fd.h"

/* The text of fdinfo about FD, in ARENA. Returns 0 or a negative code. */
int cr_fdinfo_read(struct cr_arena *arena, int fd, char **ret_text, struct cr_error *err);

/* Behind NAME ("eventfd-count:") where a line of TEXT begins with it, blanks skipped; NULL if none does. */
const char *cr_fdinfo_find(const char *text, const char *name);

/* The number behind NAME. Returns 0, or -ENOENT if there is no such line. */
int cr_fdinfo_u64(const char *text, const char *name, unsigned base, uint64_t *ret_value);

/*
 * What create() ends with: FD, or a negative code in its place, gets the flags of D that fcntl(F_SETFL) knows, and a number
 * from the floor on. WHAT: "an eventfd".
 */
int cr_fd_complete(struct cr_fd_create *c, const quiesce_image_Descriptor *d, int fd,
                   const char *what, struct cr_error *err);

/* A descriptor of /dev/null, for what only the process itself can open; finish() puts the right one in its place. */
int cr_fd_placeholder(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err);

/* FD, which is closed, takes the place of D and of all that share its description. */
int cr_fd_replace(struct cr_state *state, const quiesce_image_Descriptor *d, int fd,
                  struct cr_error *err);

/* Opens the file of FD, a descriptor of this process, once more. Returns a descriptor or -errno. */
int cr_fd_reopen(int fd, int flags);

/* Is FILE an anonymous inode whose link is LINK? */
int cr_fd_is_anonymous(const struct cr_open_file *file, const char *link, const char *wanted);

#endif
