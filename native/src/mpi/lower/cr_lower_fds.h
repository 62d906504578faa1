/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal and frozen. Which descriptors belong to the lower half. The executable exports
 * the functions of the C library that make descriptors (cr_lower_fds_open.c, ..._socket.c,
 * ..._stream.c), so the libraries of the lower half - Open MPI, PMIx, libevent, and what they load
 * - call ours. A number that is not known here is the application's.
 */
#ifndef CR_LOWER_FDS_H
#define CR_LOWER_FDS_H

#include <stddef.h>

/* Records that FD, if it is not negative, belongs to the lower half. Returns FD. errno is kept. */
int cr_lower_fds_add(int fd);

/* FD is about to be closed by the lower half. */
void cr_lower_fds_remove(int fd);

/* Everything that is open now, but 0, 1 and 2, belongs to the lower half. */
void cr_lower_fds_snapshot(void);

/* FD is the application's from now on, whoever opened it (placeholders at restart). */
void cr_lower_fds_give_up(int fd);

/*
 * Copies at most MAX numbers, ascending, and returns how many there are. Looks at each: a number
 * that has meanwhile been closed, or that stands for another file than the lower half opened, is
 * left out. Any FS base, frozen.
 */
size_t cr_lower_fds_copy(int *out, size_t max);

#endif
