/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The states of windows.c, and what they share. */
#ifndef WINDOWS_H
#define WINDOWS_H

#include "qt.h"

enum { COUNT = 4096, TAG = 5 };

extern int number; /* of the checkpoint asked for */
extern MPI_Comm comm;

/* Value I of what RANK writes in step STEP. */
int value(int rank, int step, int i);
void fill(int *out, int count, int rank, int step);
void check(const int *in, int count, int rank, int step, const char *what);

/* Rank 0: the others are in the state by now; have the checkpoint taken. Others: nothing. */
void late(void);
/* All: nobody goes on before the checkpoint is over. */
void together(void);
/* Rank 0 returns when the checkpoint has begun: what converges only then are collectives. */
void late_for_a_collective(void);

static inline int next_rank(void)
{
    return (qt_rank + 1) % qt_size;
}

static inline int previous_rank(void)
{
    return (qt_rank + qt_size - 1) % qt_size;
}

void fence_inside(void);
void fence_early(void);
void fence_assertions(void);
void lock_held(void);
void lock_waited_for(void);
void lock_all_inside(void);
void lock_all_waited_for(void);
void lock_stress(void);
void atomics(void);
void requests(void);
void post_wait(void);
void start_waits(void);
void pair_inside(void);
void test_loop(void);

void created(void);
void allocated(void);
void dynamic(void);
void shared(void);
void shared_atomics(void);
void empty_parts(void);
void of_parts(void);
void derived(void);
void many(void);

#endif
