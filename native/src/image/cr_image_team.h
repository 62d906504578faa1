/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Helpers that work on one image together: raw threads that live only inside cr_team_run(), have every
 * signal blocked and share this thread's TLS, so what they run must be frozen code.
 */
#ifndef CR_IMAGE_TEAM_H
#define CR_IMAGE_TEAM_H

#include "cr_arena.h"

#define CR_TEAM_MAX 16

typedef void (*cr_team_fn)(void *member);

/*
 * Calls WORK for each of COUNT (1 to CR_TEAM_MAX) members, which lie SIZE bytes apart from FIRST on: the first in this
 * thread, the others in helpers with stacks from ARENA. Returns when all have ended. A helper that cannot be started is
 * done without, so members must take their work from what is left of a common stock.
 */
void cr_team_run(struct cr_arena *arena, cr_team_fn work, void *first, size_t size, int count);

#endif
