/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The thread inside every process that takes part in checkpoints. It sleeps until
 * a requester wakes it by a signal, connects to the requester, and goes through the phases that it
 * is told. It leads all stops of the process.
 */
#ifndef CR_AGENT_H
#define CR_AGENT_H

#include "cr_error.h"
#include "cr_rank.h"

#include <stdint.h>

/*
 * What one library may call in another one of the same process: libcr.so finds the agent of libcr_run.so, when that was
 * preloaded, by the order in which the dynamic linker looks symbols up.
 */
#define CR_AGENT_EXPORT __attribute__((visibility("default")))
#define CR_AGENT_INTERFACE 3

/* CR_AGENT_INTERFACE of the library that has the agent. */
int cr_agent_interface(void);

struct cr_callbacks;
struct cr_freeze_callbacks;
/* What is shared with it about callbacks. */
struct cr_callbacks *cr_agent_callbacks(void);
/* How threads with callbacks stand still; the field serve is filled in. */
void cr_agent_set_callbacks(struct cr_freeze_callbacks *ops);

/*
 * Starts the agent's thread, unless the process has one. Returns 0 or -errno. Not for several
 * threads at once.
 */
int cr_agent_start(void);

/* In the child of a fork(): the agent did not come along; starts another one. */
void cr_agent_forked(void);

/* 1 once the agent can be woken. */
int cr_agent_is_ready(void);

/*
 * Every later round refuses with -CR_EDISABLED and REASON (a string that stays); waits for the end
 * of one in progress.
 */
void cr_agent_disable(const char *reason);

/* What the MPI stub gives; at most once. */
void cr_agent_set_rank(const struct cr_rank_ops *ops);

/* Makes this rank known to the crnode of its node. 0 or a negative code. */
int cr_agent_register(struct cr_error *err);

/*
 * Asks crnode for a checkpoint of the job (*TICKET 0; gets another value), or what has become of it. Returns 1 when it has
 * ended well, 0 while it is under way, or a negative code. One thread at a time, in a critical section.
 */
struct cr_rank_checkpoint;
int cr_agent_ask(uint64_t *ticket, struct cr_rank_checkpoint *ret, struct cr_error *err);

int cr_agent_is_rank(void);

/* How many restarts lie behind this process; what the last checkpoint of this rank was to be. */
uint32_t cr_agent_generation(void);
void cr_agent_last(struct cr_rank_checkpoint *ret);

/* Wakes the agent for a new collective report, if a round waits for one. Async-signal-safe. */
void cr_agent_report_changed(void);
/* Without waking it: it looks every few milliseconds. */
void cr_agent_report_later(void);

/* ---- a checkpoint that the process itself asks for ---- */

struct cr_agent_request {
    char file[4096]; /* absolute path of the image */
    int durable;
    int reports;             /* nobody waits: a failure goes to the standard error stream */
    volatile uint32_t state; /* futex: 0 waiting, 1 done */
    int result;              /* 0, or a negative code */
    int restarted;           /* 1: this is the restored process */
    uint64_t generation;
    struct cr_error error;
};

/*
 * Takes a checkpoint of this process and returns when it is done, or, in the restored process, when
 * that runs. REQUEST->result and ->restarted tell which. Returns 0, or -CR_EBUSY when another
 * request waits.
 */
int cr_agent_checkpoint(struct cr_agent_request *request);

/* The same without waiting for it; REQUEST stays until its state is 1. The process is pending from here on. */
int cr_agent_submit(struct cr_agent_request *request);

/*
 * Descriptors of the library in the process's table, which no image holds; see cr_agent_handles.h. SESSION: that of the
 * helper at the other end. 0 or -EMFILE.
 */
int cr_agent_add_handle(int fd, int session);
void cr_agent_remove_handle(int fd);
int cr_agent_has_handle(int fd);

/* ---- critical sections: a checkpoint waits until the process has none open ---- */

/* Blocks while a stop is in progress, unless the calling thread is in one already. */
void cr_section_enter(void);
/* Returns 0 instead of blocking; 1 when entered. */
int cr_section_try_enter(void);
/*
 * Returns -EINVAL if this thread is in none. The last one to leave waits for the end of a checkpoint that waits for it.
 */
int cr_section_leave(void);
/* The same without that wait. */
int cr_section_leave_at_once(void);
/* How many the calling thread is in. */
uint32_t cr_section_depth(void);
/* The calling thread ends: it leaves all. */
void cr_section_leave_all(void);

/* 0 idle, 1 a round has begun, 2 threads are stopped. */
int cr_agent_status(void);

#endif
