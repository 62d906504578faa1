/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the protocol, and what must hold. */
#include "clock_model.h"

#include <stddef.h>
#include <string.h>

const char *const rule_names[RULES] = {"nothing", "release", "transitive", "acknowledge",
                                       "enter",   "count",   "progress",   "any-group",
                                       "publish", "target",  "all"};
enum rule broken;
int late_reports;
const struct program *program;

/* A bit per rank: {0,1} {1,2} {0,2} {0,1,2} {0} {1} {2,3} {0,1,2,3}. The first member is the root of a broadcast. */
static const uint8_t members[GROUPS] = {3, 6, 5, 7, 1, 2, 12, 15};
static const uint8_t first[GROUPS] = {0, 1, 0, 0, 0, 1, 2, 0};

int is_member(int group, int rank)
{
    return members[group] >> rank & 1;
}

int group_reach(int group)
{
    return members[group] > 7 ? 4 : 3;
}

static int takes_part(const struct event *e, int rank)
{
    if (e->kind <= BEGIN)
        return is_member(e->group, rank);
    return e->dest == rank || (e->kind != WAIT && e->source == rank);
}

static int has_wait(const struct program *p, int begin, int rank)
{
    int i;

    for (i = 0; i < p->count; i++)
        if (p->events[i].kind == WAIT && p->events[i].group == begin && p->events[i].dest == rank)
            return 1;
    return 0;
}

void program_finish(struct program *p)
{
    int i, rank, count = p->count;

    program = p;
    for (i = 0; i < count; i++)
        for (rank = 0; p->events[i].kind == BEGIN && rank < program->ranks; rank++)
            if (is_member(p->events[i].group, rank) && !has_wait(p, i, rank))
                p->events[p->count++] =
                    (struct event){WAIT, p->events[i].thread, (uint8_t)i, 0, (uint8_t)rank};
    memset(p->length, 0, sizeof(p->length));
    for (i = 0; i < p->count; i++)
        for (rank = 0; rank < program->ranks; rank++)
            if (takes_part(&p->events[i], rank)) {
                uint8_t *length = &p->length[rank][p->events[i].thread];

                p->place[rank][i] = *length;
                p->list[rank][p->events[i].thread][(*length)++] = (uint8_t)i;
            }
}

static int clock_of(const struct event *e)
{
    return e->group + GROUPS * e->thread;
}

/* ---- what a rank is ---- */

static int counts(const struct rank *r, int from, int to)
{
    int t, n = 0;

    for (t = 0; t < THREADS; t++)
        n += r->mode[t] >= from && r->mode[t] <= to;
    return n;
}

static int is_late(const struct rank *r, int clock)
{
    int c;

    for (c = 0; c < CLOCKS; c++)
        if (r->clock[c] < r->target[c] && (broken != ANY_GROUP || c == clock))
            return 1;
    return 0;
}

/* Has RANK left event I behind, or is it in it? */
static int has_begun(const struct state *s, int rank, int i)
{
    int t = program->events[i].thread, at = s->ranks[rank].at[t], place = program->place[rank][i];

    return at > place || (at == place && s->ranks[rank].mode[t] == INSIDE);
}

/* Has RANK been in MPI since it left event I, so that it has moved on what others wait for? */
static int has_helped(const struct state *s, int rank, int i)
{
    int t = program->events[i].thread, at = s->ranks[rank].at[t], place = program->place[rank][i];
    int mode = s->ranks[rank].mode[t];

    if (at > place + 1 || at == program->length[rank][t])
        return at > place;
    if (at <= place)
        return 0;
    if (program->events[program->list[rank][t][at]].kind > BEGIN)
        return 1;
    return mode == INSIDE || (mode == PARKED && broken != PROGRESS);
}

/* What RANK waits for outside of collectives, as a bit per rank; 0: it can go on. */
static int awaited(const struct state *s, int rank, int i)
{
    const struct event *e = &program->events[i];
    int other = e->source == rank ? e->dest : e->source;

    if (e->kind == MESSAGE && e->source == rank)
        return 0;
    if (s->ranks[other].at[e->thread] > program->place[other][i])
        return 0;
    if (e->kind == HANDSHAKE && s->ranks[other].at[e->thread] == program->place[other][i])
        return 0;
    return 1 << other;
}

/* ---- steps of a thread ---- */

static void say(struct rank *r)
{
    r->changed |= r->pending;
}

static void progressed(struct rank *r)
{
    if (r->waits != 0)
        say(r);
    r->waits = 0;
}

static int may_leave(const struct state *s, int i)
{
    const struct event *e = &program->events[i];
    int rank;

    for (rank = 0; rank < program->ranks; rank++)
        if (is_member(e->group, rank) && !has_begun(s, rank, i) &&
            (e->kind == BARRIER || (e->kind == BROADCAST && rank == first[e->group])))
            return 0;
    return 1;
}

/* The look at the gate: passes, with a release if nobody is ahead, or parks. */
static void look(struct rank *r, int t, int clock)
{
    int late = is_late(r, clock);

    progressed(r);
    say(r);
    if (!late && !r->release) {
        r->mode[t] = PARKED;
        return;
    }
    if (!late) {
        r->release = 0;
        r->used++;
    }
    r->clock[clock]++;
    if (r->target[clock] < r->clock[clock])
        r->target[clock] = r->clock[clock];
    r->mode[t] = INSIDE;
}

/* Returns 1 if the thread can do something in or before collective I. */
static int collective_step(struct state *s, int rank, int t, int i)
{
    struct rank *r = &s->ranks[rank];
    int clock = clock_of(&program->events[i]);

    switch (r->mode[t]) {
    case RUNNING:
        r->mode[t] = broken == ENTER && !r->pending ? PASSING : ENTERING;
        return 1;
    case ENTERING:
        if (r->pending)
            look(r, t, clock);
        else
            r->mode[t] = PASSING;
        return 1;
    case PASSING:
        r->clock[clock]++;
        r->mode[t] = INSIDE;
        if (broken != COUNT)
            say(r);
        return 1;
    case PARKED:
        if (!is_late(r, clock) && !r->release)
            return 0;
        r->mode[t] = ENTERING;
        return 1;
    default:
        if (!may_leave(s, i))
            return 0;
        r->mode[t] = RUNNING;
        r->at[t]++;
        say(r);
        return 1;
    }
}

static int wait_step(struct state *s, int rank, int t, int begin)
{
    int other;

    for (other = 0; other < program->ranks; other++)
        if (other != rank && is_member(program->events[begin].group, other) &&
            (!has_begun(s, other, begin) || !has_helped(s, other, begin)))
            return 0;
    s->ranks[rank].at[t]++;
    return 1;
}

static int message_step(struct state *s, int rank, int t, int i)
{
    struct rank *r = &s->ranks[rank];
    int wanted = awaited(s, rank, i);

    if (wanted == 0) {
        r->at[t]++;
        progressed(r);
        return 1;
    }
    if (!r->pending || (r->waits & wanted) != 0 || broken == PUBLISH)
        return 0;
    r->waits |= (uint8_t)wanted;
    say(r);
    return 1;
}

static int thread_step(struct state *s, int rank, int t)
{
    int at = s->ranks[rank].at[t], i;

    if (at == program->length[rank][t])
        return 0;
    i = program->list[rank][t][at];
    if (program->events[i].kind <= BEGIN)
        return collective_step(s, rank, t, i);
    if (program->events[i].kind == WAIT)
        return wait_step(s, rank, t, program->events[i].group);
    return message_step(s, rank, t, i);
}

/* ---- steps of an agent ---- */

static int obey_step(struct rank *r)
{
    int command = r->commands[0];

    if (r->command_count == 0)
        return 0;
    memmove(r->commands, r->commands + 1, UNDER_WAY - 1);
    r->commands[UNDER_WAY - 1] = 0;
    r->command_count--;
    if (command == PEND) {
        r->pending = r->changed = 1;
    } else if (command == GO_ON) {
        r->release = 1;
    } else {
        int clock = (command - TELL) / 8, target = (command - TELL) % 8;

        if (r->target[clock] < target)
            r->target[clock] = (uint8_t)target;
    }
    return 1;
}

static int report_step(struct rank *r)
{
    struct report *to = late_reports ? &r->under_way : &r->seen;
    int from = broken == ENTER ? INSIDE : ENTERING;

    if (!r->changed || r->under_way.said)
        return 0;
    r->changed = 0;
    *to = (struct report){.said = 1,
                          .inside = counts(r, from, INSIDE) != 0,
                          .parked = counts(r, PARKED, PARKED) != 0,
                          .waits = r->waits,
                          .used = r->used};
    memcpy(to->clock, r->clock, CLOCKS);
    return 1;
}

/* ---- all steps of ranks ---- */

void steps_of(const struct state *s, void (*emit)(const struct state *next))
{
    struct state next;
    int rank, t;

    if (s->converged)
        return;
    for (rank = 0; rank < program->ranks; rank++) {
        for (t = 0; t < THREADS; t++) {
            next = *s;
            if (thread_step(&next, rank, t))
                emit(&next);
        }
        next = *s;
        if (obey_step(&next.ranks[rank]))
            emit(&next);
        next = *s;
        if (report_step(&next.ranks[rank]))
            emit(&next);
    }
    coordinator_steps_of(s, emit);
}

/* ---- what must hold ---- */

int has_ended(const struct state *s)
{
    int rank, t;

    for (rank = 0; rank < program->ranks; rank++)
        for (t = 0; t < THREADS; t++)
            if (s->ranks[rank].at[t] != program->length[rank][t])
                return 0;
    return 1;
}

static int may_pass(const struct rank *r)
{
    int i, t;

    for (i = 0; i < r->command_count; i++)
        if (r->commands[i] == GO_ON)
            return 1;
    for (t = 0; t < THREADS; t++)
        if (r->mode[t] == PASSING)
            return 1;
    return !r->pending || r->release || is_late(r, -1);
}

const char *fault_of(const struct state *s)
{
    int rank, clock;

    if (!s->converged)
        return NULL;
    for (rank = 0; rank < program->ranks; rank++) {
        if (counts(&s->ranks[rank], INSIDE, INSIDE) != 0)
            return "converged while a rank is in a collective";
        if (may_pass(&s->ranks[rank]))
            return "converged while a rank may enter a collective";
    }
    for (clock = 0; clock < CLOCKS; clock++)
        for (rank = 0; rank < program->ranks; rank++)
            if (is_member(clock % GROUPS, rank) &&
                s->ranks[rank].clock[clock] != s->ranks[first[clock % GROUPS]].clock[clock])
                return "converged with different counts in a group";
    return NULL;
}
