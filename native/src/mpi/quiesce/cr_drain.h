/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen-like: on the agent's thread, every application thread parked. Receiving what is in flight: all ranks do it
 * at the same time, and all go on until all have everything that was ever sent to them.
 */
#ifndef CR_DRAIN_H
#define CR_DRAIN_H

#include "cr_error.h"

#include <stdint.h>

/* Refuses, by name, what a drain cannot bring into an image. 0 or -CR_EREFUSED, -CR_EFINALIZING. */
int cr_drain_check(struct cr_error *err);

/* While ranks stop: serves one-sided operations of those that are inside one. Returns 0 if there are no windows. */
int cr_drain_progress(void);

/* RET_MESSAGES: how many messages were received and kept. Returns 0, or -CR_ETIMEOUT, -CR_EINTERNAL. */
int cr_drain_run(uint64_t *ret_messages, struct cr_error *err);

/* In a new lower half: binds, makes objects and communicators again, posts receives, and waits for all ranks. */
int cr_drain_rebuild(struct cr_error *err);

#endif
