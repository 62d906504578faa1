/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The parts of cr_state_descriptors.c; nobody else includes this. */
#ifndef CR_STATE_DESCRIPTORS_PARTS_H
#define CR_STATE_DESCRIPTORS_PARTS_H

#include "cr_state.h"
#include "cr_state_util.h"

#include "image.pb.h"

#include <sys/stat.h>

/* An open descriptor while it is looked at. */
struct cr_open_file {
    int fd;
    int same_as; /* lowest descriptor of the same open file description, -1: it is the lowest itself */
    struct stat st;
};

/* Is FD one of FOREIGN's? */
int cr_descriptor_is_foreign(const struct cr_foreign *foreign, int fd);

/* Says in words what the descriptor is that cannot be saved: "a TCP connection from A to B". LINK: its link in /proc. */
void cr_descriptor_words(const struct cr_open_file *file, const char *link, char *out, size_t size);

/*
 * Locks that the process holds through the open file of D->fd, into D. Adds to REFUSALS what cannot be saved (leases, more
 * locks than a descriptor has room for).
 */
void cr_locks_collect(struct cr_arena *scratch, quiesce_image_Descriptor *d,
                      struct cr_refusals *refusals);

/* Takes the locks of D again, when all descriptors are in place: closing any other one of a file drops POSIX locks. */
int cr_locks_put_back(const quiesce_image_Descriptor *d, struct cr_error *err);

#endif
