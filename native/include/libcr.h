/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can ask of Quiesce. Link with -lcr, or call through weak references and run under
 * cr_run. All functions return at once with "not available" where the process has no checkpoint
 * agent.
 */
#ifndef LIBCR_H
#define LIBCR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef int cr_client_id_t;

#define CR_STATE_IDLE 0
#define CR_STATE_PENDING 1
#define CR_STATE_ACTIVE 2

/* 1 if this process can be checkpointed, 0 if its agent could not be started. */
int cr_available(void);

/*
 * Once in each thread that uses critical sections. Returns an id >= 0, or -1 if there is no agent.
 */
cr_client_id_t cr_init(void);

/*
 * A critical section: a checkpoint waits until the process has none open. Entering blocks while a
 * checkpoint holds the process; cr_tryenter_cs() returns 1 instead. Sections nest. Each returns 0,
 * or -1 with errno EINVAL for a bad ID or a section that the thread is not in.
 */
int cr_enter_cs(cr_client_id_t id);
int cr_tryenter_cs(cr_client_id_t id);
int cr_leave_cs(cr_client_id_t id);

/* CR_STATE_IDLE, or what a checkpoint of this process is doing. */
int cr_status(void);

/*
 * Checkpoints the calling process into FILE (relative names: from the working directory) and waits
 * for the result: 0 done, 1 this is the restarted process, -1 failed with errno (or a number of
 * libcr_errors.def) set.
 */
int cr_checkpoint_self(const char *file);

/* The same, without telling whether the process was restarted: 0 or -1. */
int cr_request_file(const char *file);

#ifdef __cplusplus
}
#endif

#endif
