/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A command of Quiesce (cr_checkpoint, cr_restart) that works for a request of this process and tells the
 * end of it over a handle. The program sees nothing of it: no child that wait() could find, no signal, no descriptor but
 * the handle.
 */
#ifndef CR_API_HELPER_H
#define CR_API_HELPER_H

#include <sys/types.h>

#define CR_HELPER_ARGUMENTS 96

/* The numbers of these descriptors in the helper. */
#define CR_HELPER_REPLY_FD 3
#define CR_HELPER_IMAGE_FD 4

struct cr_helper {
    const char *command;
    const char *arguments[CR_HELPER_ARGUMENTS]; /* from the second one on; ends with NULL */
    int image_fd;                               /* -1: none */
    int adopts; /* its children become children of this process when it ends */
};

/* Starts it. Returns the descriptor that becomes readable when it has replied, or -errno. */
int cr_helper_start(const struct cr_helper *helper);

/* Its handle is done: waits until nothing of it is left. */
void cr_helper_end(int fd);

#endif
