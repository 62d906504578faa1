/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. How a requester (cr_checkpoint, crnode) reaches the agents of the processes of
 * its node. One session is one listening socket in the abstract namespace with a random name; any
 * number of agents can be woken for it. An agent that is woken connects, and from then on the
 * connection carries frames (cr_frame.h): the agent's first one is RankHello{purpose "round"}; the
 * connection is the round, its end is the end of the round. No function here blocks longer than it
 * is told to, allocates memory or prints.
 */
#ifndef CR_SESSION_H
#define CR_SESSION_H

#include "cr_error.h"

#include <stdint.h>
#include <sys/types.h>

/* The signal with which agents are woken and threads are parked. */
#define CR_SIGNAL 61
/* The name of an agent's thread, in /proc/PID/task/TID/comm. */
#define CR_AGENT_NAME "cr-agent"
/*
 * The name of the socket of a session, behind a NUL; "0" as pid for an agent in another pid
 * namespace.
 */
#define CR_SESSION_NAME "quiesce/%d/%u"

struct cr_session {
    int listener;         /* readable when an agent has connected: may be put into epoll */
    int foreign_listener; /* for agents in a pid namespace below ours; -1: none was woken */
    uint32_t value;       /* 31 random bits, goes with the signal */
};

/* Makes the socket. Returns 0 or -errno. */
int cr_session_open(struct cr_session *ret_session, struct cr_error *err);

/* Finds the thread of the agent of PID: 0, -ESRCH (no such process), -EPERM, or -CR_ENOAGENT. */
int cr_session_find_agent(pid_t pid, pid_t *ret_tid, struct cr_error *err);

/*
 * Wakes the agent of PID; it connects within a millisecond or so, unless it is busy with another
 * round (then it answers the new connection with a refusal -CR_EBUSY when that ends, or never: use
 * a deadline; or its process calls exec, and the agent of the new program knows nothing of it).
 * RET_TID (may be NULL) is the agent's thread. Errors as cr_session_find_agent().
 */
int cr_session_wake(struct cr_session *session, pid_t pid, pid_t *ret_tid, struct cr_error *err);

/*
 * Takes one connection, waiting TIMEOUT_MS at most (0: do not wait). RET_FD is close-on-exec and
 * blocking; RET_PID is proven by the kernel (SO_PEERCRED; 0 for an agent in another pid namespace).
 * A peer of a foreign user is dropped without a word. Returns 0, -EAGAIN (nobody came), or -errno.
 */
int cr_session_accept(struct cr_session *session, int timeout_ms, pid_t *ret_pid, int *ret_fd,
                      struct cr_error *err);

/* Closes the sockets; connections that were accepted live on. */
void cr_session_close(struct cr_session *session);

#endif
