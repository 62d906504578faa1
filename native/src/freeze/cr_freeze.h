/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Stopping all threads of the application and letting them go: each is sent
 * CR_STOP_SIGNAL and parks in its handler. A system call that the signal interrupted is made to go
 * on as if nothing had happened. Called by the agent's thread, unless stated otherwise.
 */
#ifndef CR_FREEZE_H
#define CR_FREEZE_H

#include "cr_error.h"
#include "cr_thread.h"

#include <stddef.h>
#include <stdint.h>

struct cr_attributes; /* cr_state_thread.h */

#define CR_STOP_SIGNAL 61
#define CR_STOP_TIMEOUT_NS (5LL * 1000000000)

/* How an MPI rank differs from other processes; see cr_rank.h. Both may be NULL. */
struct cr_freeze_rules {
    int (*may_park)(const void *ucontext);
    int (*is_foreign)(int tid);
};

/* A thread on its way to where it stands still, with code of the application around it (libcr.h: callbacks). */
struct cr_stand {
    /* Stands until cr_freeze_go(). Returns what that was given: 0, 1 in the restored process, or a negative code. */
    int (*here)(struct cr_stand *stand);
    struct cr_thread *thread;
    void *frame;
    uint32_t generation;
    int restored;
};

/* How a thread stands: like all; around code of the application; or like all, but let go by cr_freeze_go(). */
enum { CR_STAND_PLAIN, CR_STAND_CALLBACKS, CR_STAND_EARLY };

/* Called in the stop handlers of the threads concerned. */
struct cr_freeze_callbacks {
    int (*kind)(void);
    /* Calls STAND->here() once. Returns 1 if the thread is held until the stop is over, 0 if it may go on at once. */
    int (*run)(struct cr_stand *stand);
    /* By the agent, every few milliseconds while it waits for threads to stand. Negative: give up. */
    int (*serve)(struct cr_error *err);
};

/*
 * Once, in the thread that makes the agent: reserves the records and installs the signal's action.
 * 0 or -errno.
 */
int cr_freeze_init(void);

/* In a child of fork(): nothing is stopped, the pid has changed. */
void cr_freeze_forked(void);

void cr_freeze_set_rules(const struct cr_freeze_rules *rules);

/* NULL: no thread has code of its own to run. */
void cr_freeze_set_callbacks(const struct cr_freeze_callbacks *callbacks);

/*
 * Before cr_freeze_release(), if need be: lets threads with callbacks go on with those, and returns when the callbacks have
 * ended. OUTCOME is what they are told.
 */
void cr_freeze_go(int outcome);

/*
 * The program's calls do not go through our wrappers: the library came when it ran already. So it would notice other ids.
 */
void cr_freeze_set_unwrapped(void);
int cr_freeze_is_unwrapped(void);

/*
 * Parks every thread but the calling one and the foreign ones; TIMEOUT_NS for all of it. Returns 0,
 * or -CR_ENOPARK with the thread and what keeps it in ERR. After a failure too, cr_freeze_release()
 * must follow.
 */
int cr_freeze_stop(int64_t timeout_ns, struct cr_error *err);

/*
 * All threads that stand look at the signals pending for them once more, since some may have got one after they had looked.
 * Returns 0, or -CR_ENOPARK when one does not answer.
 */
int cr_freeze_look_again(struct cr_error *err);

/* Lets everyone go on. */
void cr_freeze_release(void);

/* 1 between cr_freeze_stop() and cr_freeze_release(). Any thread. */
int cr_freeze_is_stopping(void);

/*
 * The records of the last stop, the agent's own first; those with gone != 0 are to be passed over.
 */
size_t cr_freeze_threads(struct cr_thread **ret_threads);

/* What goes with record T: the thread's scheduling, rights and the like. */
struct cr_attributes *cr_freeze_attributes(const struct cr_thread *t);

/*
 * In the restored process: waits until all threads are back in their handlers. Returns 0 or
 * -CR_ENOPARK.
 */
int cr_freeze_await_restored(struct cr_error *err);

/*
 * A safe point of a thread that could not park in its handler: it parks if it is expected to. Any
 * thread.
 */
void cr_freeze_park_self(void);

/*
 * The kernel's id for a thread or process id that the application knows, and back; the same number
 * for one that is not of a restored thread. Any thread, any time.
 */
int cr_freeze_kernel_tid(int tid);
int cr_freeze_known_tid(int kernel_tid);

/* What an id is the id of: bits, since a leader's is several things at once. */
enum { CR_ID_THREAD = 1, CR_ID_PROCESS = 2, CR_ID_GROUP = 4, CR_ID_SESSION = 8 };

/* An id that no process has: what to call one that is gone for good. */
#define CR_ID_NOBODY 0x3fffffff

/*
 * An id that the program knows, and the kernel's now. 0: no process or thread has it any more; the group or session is one outside
 * of the pid namespace, which the kernel calls 0 in it.
 */
struct cr_freeze_id {
    int32_t known;
    int32_t kernel;
    uint32_t kinds;
};

/*
 * KERNEL, the kernel's id of a group, for calls that take 0 for the own one: that has no other name where it is outside of the pid
 * namespace.
 */
int cr_freeze_group_or_own(int kernel);

/*
 * The ids of all processes that came back together, in place of what cr_freeze_await_restored() knew of this one.
 * -CR_EKERNEL when they are more than there is room for.
 */
int cr_freeze_adopt_ids(const struct cr_freeze_id *ids, size_t count, struct cr_error *err);

/* As cr_freeze_kernel_tid() and cr_freeze_known_tid(), for ids of one of KINDS. */
int cr_freeze_kernel_id(int known, uint32_t kinds);
int cr_freeze_known_id(int kernel, uint32_t kinds);

/* The pairs of ids that differ. Any thread. */
size_t cr_freeze_ids(const struct cr_freeze_id **ret_ids);

#endif
