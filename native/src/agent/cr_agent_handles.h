/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors that libcr.h's functions keep in the process: each is one end of a SOCK_SEQPACKET pair over
 * which a helper tells the end of a request. No image holds them; in the restored process others stand at their numbers, in
 * which the end has already been told.
 */
#ifndef CR_AGENT_HANDLES_H
#define CR_AGENT_HANDLES_H

#include <stddef.h>

#define CR_HANDLES_MAX 64

/* The agent's side. Appends the descriptors to FDS, which has room for SIZE; REQUESTER is the pid of who takes an image; 0: nobody does. */
size_t cr_handles_foreign(int *fds, size_t count, size_t size, int requester);
/* In the restored process, after all other descriptors. Returns how many. */
size_t cr_handles_put_back(void);
void cr_handles_forked(void);

#endif
