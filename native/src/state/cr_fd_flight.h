/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors in flight: those that a Unix socket has received with a message that the program has not taken.
 * Looking at such a message gives this process descriptors of its own of the same open file descriptions. They stay, at numbers
 * above the program's, until the checkpoint has all, so that each is seen, compared and saved like any other; a restart makes
 * them again, sends them, and closes them.
 */
#ifndef CR_FD_FLIGHT_H
#define CR_FD_FLIGHT_H

#include "cr_state_fd.h"

#define CR_FLIGHT_MAX 1024
#define CR_FLIGHT_PER_MESSAGE 253 /* the kernel's SCM_MAX_FD */

/* What a socket with such messages had received. */
struct cr_flight_queue {
    struct cr_flight_queue *next;
    uint64_t device, inode; /* of the socket */
    const void *note;       /* as cr_fd_queue.h has it */
    size_t size;
};

/* All zero: nobody has looked. */
struct cr_flight {
    struct cr_arena arena; /* of the queues */
    struct cr_flight_queue *first;
    int floor; /* numbers from here on are in nobody's way */
    size_t fd_count;
    int fds[CR_FLIGHT_MAX];
};

/*
 * When all processes of the checkpoint stand still: looks at the Unix sockets of this one, unless that has been done. Refuses
 * what cannot be looked at. cr_flight_release() must follow, whatever is returned.
 */
int cr_flight_gather(struct cr_state *state, struct cr_error *err);

/* In the process that goes on: closes what was gathered. */
void cr_flight_release(struct cr_flight *flight);

/* In the restored process: there is nothing to close. */
void cr_flight_forget(struct cr_flight *flight);

/* Is FD one of those that were gathered? */
int cr_flight_has(const struct cr_state *state, int fd);

/* What was seen in the queue of a socket, or NULL. */
const struct cr_flight_queue *cr_flight_queue_of(const struct cr_state *state, uint64_t device,
                                                 uint64_t inode);

/* Takes in COUNT descriptors at FDS, which get the numbers that they have from now on. 0, or a negative code: all are closed. */
int cr_flight_take(struct cr_flight *flight, int *fds, size_t count);

#endif
