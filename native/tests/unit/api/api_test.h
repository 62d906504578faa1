/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that test libcr.h share: a log of what ran when, kept through a restart. */
#ifndef API_TEST_H
#define API_TEST_H

#include <libcr.h>

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_NOTES 256

/* One letter for who, one for what: '<' before cr_checkpoint(), '>' after it, with what that returned. */
struct note {
    char who, what;
    int value;
    pid_t tid;
};
static struct note notes[MAX_NOTES];
static volatile int note_count;

static inline void note(char who, char what, int value)
{
    int i = __atomic_fetch_add(&note_count, 1, __ATOMIC_SEQ_CST);

    if (i < MAX_NOTES)
        notes[i] = (struct note){who, what, value, gettid()};
}

/* "A<B<B>A>" */
static inline const char *story(void)
{
    static char text[2 * MAX_NOTES + 1];
    int n = 0;

    for (int i = 0; i < note_count && i < MAX_NOTES; i++) {
        text[n++] = notes[i].who;
        text[n++] = notes[i].what;
    }
    text[n] = '\0';
    return text;
}

/* Where in the story WHO did WHAT; -1: nowhere. */
static inline int when(char who, char what)
{
    for (int i = 0; i < note_count && i < MAX_NOTES; i++)
        if (notes[i].who == who && notes[i].what == what)
            return i;
    return -1;
}

static inline const struct note *at(char who, char what)
{
    static const struct note none = {0, 0, -9999, 0};
    int i = when(who, what);

    return i >= 0 ? &notes[i] : &none;
}

static inline void forget_story(void)
{
    note_count = 0;
}

/* Until CONDITION or 30 s. 1 if it came true. */
#define await(condition)                                                                           \
    ({                                                                                             \
        const struct timespec await_step = {0, 1000000};                                           \
        int await_left = 30000;                                                                    \
        while (!(condition) && await_left-- > 0)                                                   \
            nanosleep(&await_step, NULL);                                                          \
        await_left > 0;                                                                            \
    })

#endif
