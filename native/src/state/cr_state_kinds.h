/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The kinds of state behind the table of cr_state.c. A collect function adds notes to STATE and refuses
 * with -CR_EREFUSED; a put back function reads its notes and changes the process. Both leave the arena as they found it,
 * but for the notes.
 */
#ifndef CR_STATE_KINDS_H
#define CR_STATE_KINDS_H

#include "cr_state.h"

/* Advice, locks, names and guards of areas, and the kernel's record of code, data, stack and heap (not in an MPI rank). */
int cr_memory_put_back(struct cr_state *state, struct cr_error *err);

/* Working directory, umask, dumpable, membarrier registrations, what prctl() sets for the whole process. */
int cr_process_collect(struct cr_state *state, struct cr_error *err);
int cr_process_put_back(struct cr_state *state, struct cr_error *err);

/* Resource limits: first lifted, so that all can be put back, and last of all as they were. */
int cr_limits_collect(struct cr_state *state, struct cr_error *err);
int cr_limits_raise(struct cr_state *state, struct cr_error *err);
int cr_limits_put_back(struct cr_state *state, struct cr_error *err);

int cr_descriptors_collect(struct cr_state *state, struct cr_error *err);
int cr_descriptors_put_back(struct cr_state *state, struct cr_error *err);
int cr_descriptors_finish(struct cr_state *state, struct cr_error *err);

/* Members of epoll instances that only another process of the checkpoint can have registered again. */
int cr_epoll_verify(struct cr_state *state, struct cr_error *err);

/* Actions, and signals pending for the process and for each parked thread. */
int cr_signals_collect(struct cr_state *state, struct cr_error *err);
int cr_signals_put_back(struct cr_state *state, struct cr_error *err);
int cr_signals_queue_again(struct cr_state *state, struct cr_error *err);

int cr_timers_collect(struct cr_state *state, struct cr_error *err);
int cr_timers_put_back(struct cr_state *state, struct cr_error *err);

#endif
