/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Who a thread is and what it may do. The kernel keeps that for each thread, so each saves and puts back
 * its own. The list of supplementary groups is kept once, as glibc keeps it equal in all threads.
 */
#ifndef CR_STATE_CREDENTIALS_H
#define CR_STATE_CREDENTIALS_H

#include "cr_state.h"

#include <stddef.h>
#include <stdint.h>

#define CR_GROUPS_MAX 1024

struct cr_credentials {
    uint32_t uid[4]; /* real, effective, saved, of file accesses */
    uint32_t gid[4];
    uint64_t effective, permitted, inheritable, ambient, bounding;
    uint32_t securebits;
    uint32_t group_count;
    uint64_t group_hash; /* of the sorted list */
};

/* By the thread itself, with all signals blocked. */
void cr_credentials_save(struct cr_credentials *c);

/*
 * By the agent, before the threads are stopped: forgets what bounding sets were seen, and sees that of one thread. Where
 * all are equal no thread needs to ask for its own, which takes long.
 */
void cr_credentials_forget_bounding(void);
void cr_credentials_see_bounding(uint64_t bounding);

/* By the agent: keeps the list of groups. Refuses one that is too long. */
int cr_credentials_keep_groups(struct cr_error *err);

/*
 * By a thread of a restored process: becomes who it was. Returns NULL, or what it was not permitted to put back, in
 * words. Where everything is equal nothing is asked of the kernel.
 */
const char *cr_credentials_restore(const struct cr_credentials *c);

/* Adds the note of the main thread's C, for people and for the check. */
int cr_credentials_collect(struct cr_state *state, const struct cr_credentials *c,
                           struct cr_error *err);

/*
 * Before a restart, by whoever restarts: -CR_EPERMISSION where it is clear that the caller may not become who the main
 * thread was. The threads find out the rest when they try.
 */
int cr_credentials_check(const struct cr_state *state, struct cr_error *err);

#endif
