/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can ask of Quiesce: callbacks around a checkpoint, critical sections, checkpoints and restarts of itself
 * and others. Names, numbers and meanings are those of BLCR's libcr.h; what goes beyond it stands at the end.
 *
 * Link with -lcr. Functions return a value below zero and set errno on failure, to an errno or to one of the numbers
 * CR_E... below; cr_strerror() has words for all of them. "Any thread" below means any thread that has called cr_init().
 */
#ifndef LIBCR_H
#define LIBCR_H

#include "blcr_common.h"

#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ---- */

#define CR_ETEMPFAIL 2354 /* a callback asked to try again later */
#define CR_EPERMFAIL                                                                               \
    2355 /* a callback said that no checkpoint is possible; the processes were killed */
#define CR_ENOSUPPORT 2356 /* a process has no checkpoint agent */
#define CR_EVERSION                                                                                \
    2357 /* program and library, or two libraries in one process, do not fit together */
#define CR_EOMITTED 2358   /* this process has left the request */
#define CR_EBADARCH 2359   /* the image is of another architecture */
#define CR_EPTRACED 2360   /* a process is being traced */
#define CR_EPTRACER 2361   /* a process traces others */
#define CR_ERSTRTABRT 2362 /* a callback ended the restart */
#define CR_ERESTARTED 2363 /* the caller is the restarted process */
#define CR_ENOTCB 2364     /* not inside a callback, or too late in it */
#define CR_ENOINIT 2365    /* the thread has not called cr_init() */

/*
 * Words for an errno, a CR_E number above, or any other number of Quiesce. Never NULL; the text is constant, or stays
 * until the thread's next call. Any thread, without cr_init().
 */
const char *cr_strerror(int number);

/* ---- threads ---- */

typedef int cr_client_id_t;

/* The id that is valid inside callbacks. */
#define CR_ID_CALLBACK (-1)

/*
 * Once in each thread before the other functions; more calls return the same id again. An id >= 0, or -1: ENOSYS (no
 * agent runs in this process), CR_EVERSION, ENOMEM. Not for signal handlers.
 */
cr_client_id_t cr_init(void);

#define CR_STATE_IDLE 0
#define CR_STATE_PENDING 1 /* asked for, and waiting for critical sections */
#define CR_STATE_ACTIVE 2  /* callbacks run, or threads stand still */

/* What a checkpoint of this process is doing, or -1 with CR_ENOINIT. Async-signal-safe. */
int cr_status(void);

/*
 * The library's data of a thread are freed when it ends. A thread whose own destructors of thread-specific data still use
 * them raises this count before, and lowers it in the last one. The count before the call, or -1 with ERANGE.
 */
int cr_inc_persist(void);
int cr_dec_persist(void);

/* ---- callbacks ---- */

/*
 * Called for every checkpoint with the argument it was registered with. It does its preparations, calls cr_checkpoint()
 * once, and then what is due afterwards; if it returns without that call, the library calls cr_checkpoint(0) for it.
 * Returns 0; anything else is a permanent failure.
 */
typedef int (*cr_callback_t)(void *argument);
typedef int cr_callback_id_t;

/*
 * Exactly one of these two. In thread context: by a thread of the library, in which all signals are blocked, while the
 * others run; registered for the whole process. In signal context: in the thread that registered it, inside a signal
 * handler with all signals blocked, so only with functions that are async-signal-safe; registered for that thread.
 *
 * In each context the one registered last runs first, and calls of cr_checkpoint() nest: what follows that call runs in the
 * opposite order. All in thread context have reached cr_checkpoint() before the first in signal context begins; afterwards
 * those in signal context end first.
 */
#define CR_THREAD_CONTEXT 0x4000000
#define CR_SIGNAL_CONTEXT 0x2000000
#define CR_MAX_CALLBACKS 0x1FFFFFF /* in each context */

/*
 * An id, or -1: EINVAL, ENOMEM, ENOSPC (too many), EBUSY (called in a callback), CR_ENOINIT. Waits while a checkpoint is in
 * progress. There is no way to take a registration back; see cr_replace_callback(). A child of fork() begins with copies of
 * what its thread would have run; exec drops all.
 */
cr_callback_id_t cr_register_callback(cr_callback_t callback, void *argument, int flags);

/*
 * Replaces what ID stands for; FLAGS name its context. NULL as callback: nothing is called any more. A checkpoint sees
 * either the old or the new one. The id, or -1: EINVAL (also for an id of another thread's signal context), EBUSY,
 * CR_ENOINIT.
 */
cr_callback_id_t cr_replace_callback(cr_callback_id_t id, cr_callback_t callback, void *argument,
                                     int flags);

/* The same for the running callback, from inside it; it is in effect from the next checkpoint on. Or -1 with CR_ENOTCB. */
cr_callback_id_t cr_replace_self(cr_callback_t callback, void *argument, int flags);

/* What a callback says to cr_checkpoint(). VALUE is 1 to 65535 and reaches the requester instead of CR_E...FAIL. */
#define CR_CHECKPOINT_READY 0
#define CR_CHECKPOINT_TEMP_FAILURE 1 /* the request fails, all go on; try again later */
#define CR_CHECKPOINT_PERM_FAILURE 2 /* the request fails, and all its processes are killed */
#define CR_CHECKPOINT_OMIT 4         /* this process leaves the request */
#define CR_CHECKPOINT_TEMP_FAILURE_CODE(value) (CR_CHECKPOINT_TEMP_FAILURE | ((value) << 16))
#define CR_CHECKPOINT_PERM_FAILURE_CODE(value) (CR_CHECKPOINT_PERM_FAILURE | ((value) << 16))

/*
 * Runs the next callback; in the last one, takes the checkpoint. Only inside callbacks, and once. Returns 0: the
 * checkpoint was taken and this process goes on; > 0: this is the restarted process; < 0: none was taken, -CR_ETEMPFAIL,
 * -CR_EPERMFAIL, -CR_EOMITTED, another negative error, or the negative VALUE of a callback; -CR_ENOTCB: not allowed here.
 * After a failure or OMIT no further callbacks of this thread begin.
 */
int cr_checkpoint(int flags);

typedef enum {
    CR_SCOPE_PROC = 0,
    CR_SCOPE_PGRP = 1,
    CR_SCOPE_SESS = 2,
    CR_SCOPE_TREE = 3
} cr_scope_t;

struct cr_checkpoint_info {
    int signal;       /* that is sent after the checkpoint; 0: none */
    const char *dest; /* absolute path of the context file, "" if there is none */
    pid_t requester;
    pid_t target; /* pid, process group or session, as SCOPE says */
    cr_scope_t scope;
};

struct cr_restart_info {
    pid_t requester;
    const char *src; /* absolute path of the context file, "" if it is unknown */
};

/* In a callback before its cr_checkpoint(); otherwise NULL. Valid until the callback returns. */
const struct cr_checkpoint_info *cr_get_checkpoint_info(void);

/* In a callback after cr_checkpoint() has returned a value > 0; otherwise NULL. */
const struct cr_restart_info *cr_get_restart_info(void);

/*
 * In a callback before its cr_checkpoint(): the processes of this scope (TARGET 0: the caller's own) join the request;
 * those that are in it already stay in it once. 0, or -1: CR_ENOTCB, EINVAL, ESRCH, EPERM, EBUSY (in another request),
 * CR_ENOSUPPORT, EOPNOTSUPP (the requester takes one process only).
 */
int cr_forward_checkpoint(cr_scope_t scope, pid_t target);

/* ---- what happens around callbacks ---- */

typedef enum {
    CR_HOOK_CONT_SIGNAL_CONTEXT = 0,
    CR_HOOK_CONT_THREAD_CONTEXT = 1,
    CR_HOOK_CONT_NO_CALLBACKS = 2,
    CR_HOOK_RSTRT_SIGNAL_CONTEXT = 3,
    CR_HOOK_RSTRT_THREAD_CONTEXT = 4,
    CR_HOOK_RSTRT_NO_CALLBACKS = 5
} cr_hook_event_t;
#define CR_NUM_HOOKS 6

typedef void (*cr_hook_fn_t)(cr_hook_event_t event);
#define CR_HOOK_FN_ERROR ((cr_hook_fn_t)~0UL)

/*
 * FUNCTION is called after each checkpoint (CONT) or restart (RSTRT), in every thread that the event names, before the rest
 * of that thread's callbacks: in those with callbacks in signal context, in the library's thread when it ran callbacks, in
 * those without callbacks (inside a signal handler). NULL: nobody. Returns the function before, or CR_HOOK_FN_ERROR with
 * EINVAL or CR_ENOINIT.
 */
cr_hook_fn_t cr_register_hook(cr_hook_event_t event, cr_hook_fn_t function);

#define CR_HOLD_NONE 0
#define CR_HOLD_CONT 1  /* after a checkpoint */
#define CR_HOLD_RSTRT 2 /* after a restart */
#define CR_HOLD_BOTH 3  /* the default */
#define CR_HOLD_DFLT 4  /* for one thread: what applies to its kind of threads; the default there */
#define CR_HOLD_READ (-1)

#define CR_HOLD_SCOPE_THREAD 0 /* the calling thread */
#define CR_HOLD_SCOPE_INIT 1   /* threads that have called cr_init() */
#define CR_HOLD_SCOPE_UNINIT 2 /* all others */

/*
 * Whether threads wait, when their own callbacks have ended, until those of all threads have. A held thread may have been
 * stopped while it held a lock, of malloc() for example; if a callback needs that lock after its cr_checkpoint(), let the
 * threads go. Returns the flags before, or -1 with EINVAL or CR_ENOINIT.
 */
int cr_hold_ctrl(int scope, int flags);

/* ---- critical sections ---- */

/*
 * No checkpoint of the process is taken while one of its threads is in a critical section. Entering blocks while a
 * checkpoint is pending or active; cr_tryenter_cs() returns 1 instead. Sections nest, and a thread in one may always enter
 * another. Leaving the last one takes the checkpoint that waits for it before it returns. 0, or -1: CR_ENOINIT; EINVAL (a bad
 * id, or the thread is in none). In callbacks they do nothing. Async-signal-safe.
 */
int cr_enter_cs(cr_client_id_t id);
int cr_tryenter_cs(cr_client_id_t id);
int cr_leave_cs(cr_client_id_t id);

/* ---- spin locks, also for signal handlers ---- */

typedef volatile unsigned int cr_spinlock_t;
#define CR_SPINLOCK_INITIALIZER 0

void cr_spinlock_init(cr_spinlock_t *lock);
void cr_spinlock_lock(cr_spinlock_t *lock);
void cr_spinlock_unlock(cr_spinlock_t *lock);
/* Non-zero: the lock was taken. */
int cr_spinlock_trylock(cr_spinlock_t *lock);

/* ---- asking for a checkpoint ---- */

typedef int cr_version_t;
typedef unsigned long cr_checkpoint_handle_t;

typedef struct {
    cr_version_t cr_version;
    cr_scope_t cr_scope;
    pid_t cr_target;         /* 0: the caller's own */
    int cr_fd;               /* where the image goes, or CR_DEST_CWD */
    int cr_signal;           /* sent to all processes after success; 0: none */
    unsigned int cr_timeout; /* seconds; 0: none. Over: ETIMEDOUT, and all go on */
    unsigned int cr_flags;
} cr_checkpoint_args_t;

#define CR_CHECKPOINT_ARGS_VERSION 1
#define CR_DEST_CWD (-4096) /* the file context.TARGET in the working directory */

#define CR_CHKPT_PROHIBIT_SELF 0x1 /* EDEADLK if the request would include the caller */
#define CR_CHKPT_PTRACED_ALLOW 0x2 /* a traced process is saved; its tracer must let it go on */
#define CR_CHKPT_PTRACED_SKIP 0x4  /* it is left out, and with CR_SCOPE_TREE its children */
#define CR_CHKPT_PTRACER_SKIP 0x8  /* a process that traces others is left out */
#define CR_CHKPT_ASYNC_ERR                                                                         \
    0x10 /* errors of the request itself come with cr_reap_checkpoint(), too */
#define CR_CHKPT_DUMP_EXEC 0x200    /* the image holds the program file */
#define CR_CHKPT_DUMP_PRIVATE 0x400 /* ... all files that are mapped privately */
#define CR_CHKPT_DUMP_SHARED 0x800  /* ... all files that are mapped shared */
#define CR_CHKPT_DUMP_ALL (CR_CHKPT_DUMP_EXEC | CR_CHKPT_DUMP_PRIVATE | CR_CHKPT_DUMP_SHARED)

/* Fills ARGS with the defaults; scope and cr_fd must be set then. 0, or -1 with EINVAL. */
#define cr_initialize_checkpoint_args_t(args)                                                      \
    cri_init_checkpoint_args_t(CR_CHECKPOINT_ARGS_VERSION, (args))
int cri_init_checkpoint_args_t(cr_version_t version, cr_checkpoint_args_t *args);

/*
 * Begins a checkpoint and returns: 0, with *HANDLE for the functions below; or -1: EINVAL, EBADF, ESRCH, EPERM, EDEADLK,
 * CR_ENOSUPPORT, ... The caller may be among the processes. *HANDLE is the number of a descriptor that becomes readable when
 * the checkpoint is done: it may be given to select(), poll() and epoll, and to nothing else.
 */
int cr_request_checkpoint(cr_checkpoint_args_t *args, cr_checkpoint_handle_t *handle);

/* Waits for its end, TIMEOUT at most (NULL: for ever). > 0 done; 0 not yet; -1: EINTR, EINVAL. */
int cr_wait_checkpoint(cr_checkpoint_handle_t *handle, struct timeval *timeout);

/*
 * What the request had to say to a person: copies LENGTH bytes at most into BUFFER, which may be NULL with 0. The bytes that
 * all of it needs with its NUL, 0 if there is nothing; or -1 with EINVAL. Before and as often as you like.
 */
int cr_log_checkpoint(cr_checkpoint_handle_t *handle, unsigned int length, char *buffer);

/*
 * The end of it, and of the handle: > 0 taken; -1 with the reason in errno, CR_ERESTARTED: the caller is the restarted
 * process; EAGAIN: it is not done, and the handle lives on; EINVAL: no such handle.
 */
int cr_reap_checkpoint(cr_checkpoint_handle_t *handle);

#define CR_POLL_CHKPT_ERR_PRE (-1)  /* errno says why; the handle lives on, as after EINTR */
#define CR_POLL_CHKPT_ERR_POST (-2) /* errno is the final status, as of cr_reap_checkpoint() */
#define CR_POLL_CHKPT_ERR_LOG (-3)  /* the text could not be read; the handle lives on */

/*
 * Wait and reap in one call: > 0 taken, 0 not yet, or one of the three. With MESSAGE (may be NULL) it becomes the text,
 * or NULL if there is none; the caller frees it.
 */
int cr_poll_checkpoint_msg(cr_checkpoint_handle_t *handle, struct timeval *timeout, char **message);
int cr_poll_checkpoint(cr_checkpoint_handle_t *handle, struct timeval *timeout);

/*
 * Deprecated. A checkpoint of the calling process into context.PID, NAME (mode 0600) or FD. They return when the checkpoint
 * is pending, not when it is done: cr_status() tells. They have no way to report an error: without an agent, or if the file
 * cannot be made, the process is aborted; errors after that go to the standard error stream.
 */
void cr_request(void);
void cr_request_file(const char *name);
void cr_request_fd(int fd);

/* ---- asking for a restart ---- */

typedef unsigned long cr_restart_handle_t;

struct cr_rstrt_relocate_pair {
    const char *oldpath;
    const char *newpath;
};
struct cr_rstrt_relocate {
    unsigned int count;
    struct cr_rstrt_relocate_pair path[];
};
#define CR_MAX_RSTRT_RELOC 16
#define CR_RSTRT_RELOCATE_SIZE(n)                                                                  \
    (sizeof(struct cr_rstrt_relocate) + (n) * sizeof(struct cr_rstrt_relocate_pair))

typedef struct {
    cr_version_t cr_version;
    int cr_fd;             /* the image */
    int cr_signal;         /* sent to all processes before they run; 0: none */
    unsigned int cr_flags; /* at first CR_RSTRT_RESTORE_PID */
    struct cr_rstrt_relocate *cr_relocate;
} cr_restart_args_t;

#define CR_RESTART_ARGS_VERSION 1
#define CR_RSTRT_ASYNC_ERR 0x1
#define CR_RSTRT_RESTORE_PID 0x2
#define CR_RSTRT_RESTORE_PGID 0x4
#define CR_RSTRT_RESTORE_SID 0x8

#define cr_initialize_restart_args_t(args) cri_init_restart_args_t(CR_RESTART_ARGS_VERSION, (args))
int cri_init_restart_args_t(cr_version_t version, cr_restart_args_t *args);

/* Begins a restart; the eldest process of the image becomes a child of the caller. Otherwise as cr_request_checkpoint(). */
int cr_request_restart(cr_restart_args_t *args, cr_restart_handle_t *handle);

/* As for checkpoints; success of reap and poll is the pid of the new child, or 1 if the image has none for the caller. */
int cr_wait_restart(cr_restart_handle_t *handle, struct timeval *timeout);
int cr_log_restart(cr_restart_handle_t *handle, unsigned int length, char *buffer);
int cr_reap_restart(cr_restart_handle_t *handle);
#define CR_POLL_RSTRT_ERR_PRE (-1)
#define CR_POLL_RSTRT_ERR_POST (-2)
#define CR_POLL_RSTRT_ERR_LOG (-3)
int cr_poll_restart_msg(cr_restart_handle_t *handle, struct timeval *timeout, char **message);
int cr_poll_restart(cr_restart_handle_t *handle, struct timeval *timeout);

/* ---- beyond BLCR ---- */

/* 1 if this process can be checkpointed, 0 if it has no agent. Any thread, without cr_init(). */
int cr_available(void);

/*
 * Checkpoints the calling process into FILE (relative names: from the working directory) and waits for the result: 0 done,
 * 1 this is the restarted process, -1 failed with errno set; EDEADLK: the caller is in a critical section. Without
 * cr_init().
 */
int cr_checkpoint_self(const char *file);

#ifdef __cplusplus
}
#endif

#endif
