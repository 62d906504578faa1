/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. POSIX message queues. Messages can only be seen by taking them: they are taken and put back at once, in the
 * order in which they are received, while all processes that have the queue open stand still. Whom the kernel tells of messages
 * can be read, but not the value that comes with the signal: that is noted by our wrapper.
 */
#ifndef CR_FD_MQUEUE_H
#define CR_FD_MQUEUE_H

#include "cr_mqueue_notice.h"
#include "cr_state_fd.h"

#include <mqueue.h>

/* "Object" by which a process learns of another one of its request: the process's id is the inode. */
#define CR_PRESENT_PROCESS (UINT64_MAX - 1)

/* Messages as they lie in a note, each filled up to a multiple of 8 bytes. */
struct cr_mqueue_data {
    uint64_t device, inode;
    uint32_t count;
    uint32_t reserved;
};
struct cr_mqueue_message {
    uint32_t size;
    uint32_t priority;
};

int cr_mqueue_attributes(int fd, struct mq_attr *ret_attributes);

/*
 * Takes COUNT messages through FD, which reads, writes and does not block, and puts them back. What they are is left at the
 * end of ARENA, SIZE bytes. Returns 0, -ENOMEM with nothing taken, or another negative code: then some may be lost.
 */
int cr_mqueue_copy(struct cr_arena *arena, int fd, const struct mq_attr *attributes,
                   struct cr_mqueue_data **ret_data, size_t *ret_size);
/* Sends all of DATA, SIZE bytes with its head. Returns 0 or a negative code. */
int cr_mqueue_send(int fd, const struct cr_mqueue_data *data, size_t size);

/*
 * May a process that is not in the request have the queue of FILE open? 0: none that can be seen; 1: PID has; 2: there are
 * processes that cannot be looked into, and may open it.
 */
int cr_mqueue_has_others(struct cr_fd_collect *c, const struct cr_open_file *file, int *ret_pid);

int cr_mqueue_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                     struct cr_error *err);
int cr_mqueue_finish(struct cr_state *state, const quiesce_image_Descriptor *d,
                     struct cr_error *err);

#endif
