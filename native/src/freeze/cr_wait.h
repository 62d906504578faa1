/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A wait with a relative timeout that keeps its deadline through stops and
 * restarts. The kernel cannot be asked how much of a timeout is left, so a wrapper around the libc
 * function notes the deadline on its stack and waits again when the stop handler says that a stop,
 * and no signal of the application, has ended the call. For a call on a socket, whose timeout is an
 * option of the socket, the wrapper only notes when it began.
 */
#ifndef CR_WAIT_H
#define CR_WAIT_H

#include <stdint.h>

struct cr_wait {
    int64_t deadline; /* CLOCK_MONOTONIC, ns; moved by the stop handler after a restart */
    int socket; /* >= 0: DEADLINE is when a call on it began, and the stop handler ends that call */
    volatile uint32_t interrupted; /* set by the stop handler */
    uint32_t magic;                /* CR_WAIT_MAGIC */
    struct cr_wait *outer; /* what was noted before, by code that a signal handler interrupted */
};

#define CR_WAIT_MAGIC 0x57524351U

/*
 * The noted wait of this thread, or NULL. Left behind by longjmp it is recognised by its distance
 * from the stack pointer.
 */
extern __thread struct cr_wait *cr_wait_current __attribute__((tls_model("initial-exec")));

#endif
