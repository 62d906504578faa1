/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A child of fork() gets copies of all descriptors, also of one that the agent has just opened under a low
 * number. While the agent has such descriptors and threads run, forks wait.
 */
#ifndef CR_FORKS_H
#define CR_FORKS_H

/* By the agent's thread alone; may be nested. Waits a little for forks that have begun. */
void cr_forks_hold(void);
void cr_forks_let(void);

/* All threads stand still (1), or run again (0): nobody forks then, and nothing is waited for. */
void cr_forks_stopped(int stopped);

/* Around each fork(), by the thread that calls it; the last one in the child. */
void cr_forks_begin(void);
void cr_forks_end(void);
void cr_forks_child(void);

#endif
