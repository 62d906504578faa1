/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of the protocol that brings the collectives of a job to a common count: what a rank does at its gate (cr_clock.c),
 * what its agent reports, and what the coordinator answers (CollectiveClocks, Convergence and WaitGraph in Java). See README.md.
 */
#ifndef CLOCK_MODEL_H
#define CLOCK_MODEL_H

#include <stdint.h>

enum {
    RANKS = 4, /* at most */
    GROUPS = 8,
    THREADS = 2,
    CLOCKS = GROUPS * THREADS, /* the threads of a rank use different communicators */
    EVENTS = 12,
    UNDER_WAY = 8, /* commands to one rank */
};

/* What a program does, one event after the other; each rank plays its part of the sequence. */
enum kind {
    BARRIER,   /* nobody leaves before all have come */
    BROADCAST, /* the first member leaves at once */
    BEGIN,     /* of a collective that is not waited for */
    WAIT,      /* for that: needs all members to make progress */
    MESSAGE,   /* the sender does not wait */
    HANDSHAKE, /* the sender waits, too */
};

struct event {
    uint8_t kind, thread;
    uint8_t group;        /* of a collective; of a WAIT the number of its BEGIN */
    uint8_t source, dest; /* of a message; dest: the rank of a WAIT */
};

struct program {
    int ranks, count;
    struct event events[EVENTS];
    /* Numbers of the events of each thread of each rank, and where an event is in there. */
    uint8_t length[RANKS][THREADS], list[RANKS][THREADS][EVENTS], place[RANKS][EVENTS];
};

/* What a thread does between two looks at it. */
enum mode {
    RUNNING,
    ENTERING, /* says that it is in a collective, and is on its way to the gate */
    PASSING,  /* has seen no checkpoint, and will go on */
    INSIDE,
    PARKED,
};

struct report {
    uint8_t said, inside, parked, waits, used, clock[CLOCKS];
};

struct rank {
    uint8_t at[THREADS], mode[THREADS];
    uint8_t clock[CLOCKS], target[CLOCKS];
    uint8_t pending, release, used, waits, changed;
    uint8_t commands[UNDER_WAY], command_count;
    struct report under_way, seen; /* a report that was sent; the last one that has come */
    uint8_t given;                 /* releases: the coordinator's count */
};

struct state {
    struct rank ranks[RANKS];
    uint8_t announced[CLOCKS];
    uint8_t asked, converged;
};

/* Rules of the protocol that can be left out. */
enum rule {
    NOTHING,
    RELEASE,     /* parked ranks are released if somebody who is late waits for them */
    TRANSITIVE,  /* ... also through ranks that run */
    ACKNOWLEDGE, /* nothing has converged while a release is unused */
    ENTER,       /* a rank says that it is in a collective before it looks for a checkpoint */
    COUNT,       /* a rank that has counted says so, even if it saw no checkpoint before */
    PROGRESS,    /* a parked rank makes progress for others */
    ANY_GROUP, /* the gate is open for a rank that is late on any group, not only on that of the collective */
    PUBLISH, /* a rank says for whom it waits */
    TARGET,  /* the coordinator tells those that are late */
    ALL,     /* nothing has converged before every rank has reported */
    RULES
};

extern const char *const rule_names[RULES];
extern enum rule broken;
/* Reports take time to arrive: the next one is made while one is under way. Otherwise each is there at once. */
extern int late_reports;
extern const struct program *program;

/* Fills the tables; appends what must follow (a WAIT for each BEGIN). */
void program_finish(struct program *p);
/* How many ranks a program needs at least that uses this group; whether RANK is in it. */
int group_reach(int group);
int is_member(int group, int rank);
/* Commands to a rank; targets are TELL + 8 * clock + target. */
enum { PEND = 1, GO_ON = 2, TELL = 16 };

void coordinator_steps_of(const struct state *s, void (*emit)(const struct state *next));
/* Calls EMIT with each state that can follow S. */
void steps_of(const struct state *s, void (*emit)(const struct state *next));
/* What is wrong with S, or NULL. */
const char *fault_of(const struct state *s);
/* Every rank has played its part. */
int has_ended(const struct state *s);

#endif
