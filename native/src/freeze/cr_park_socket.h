/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Calls on sockets with SO_RCVTIMEO or SO_SNDTIMEO. The kernel counts such a
 * timeout from each new beginning of the call, so an interrupted one is not begun again before it
 * would succeed: the stop handler waits for that, and only as long as the call had left.
 */
#ifndef CR_PARK_SOCKET_H
#define CR_PARK_SOCKET_H

#include "cr_continue.h"
#include "cr_wait.h"

#include <poll.h>
#include <time.h>

struct cr_park_socket {
    int64_t deadline; /* CLOCK_MONOTONIC, ns; 0: not such a call */
    struct pollfd ready;
    struct timespec left;
};

/*
 * Fills S for the interrupted CALL; its deadline is 0 for all others. NOTED is what a wrapper noted
 * about the thread's call, or NULL: then the time counts from now.
 */
void cr_park_socket_look(const struct cr_call *call, const struct cr_wait *noted,
                         struct cr_park_socket *s);

/* Makes MORE the system call that waits for what is left. */
void cr_park_socket_prepare(struct cr_park_socket *s, struct cr_continue *more);

/* What CALL answers when its time is over. */
long cr_park_socket_late(const struct cr_call *call);

#endif
