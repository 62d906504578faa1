/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the coordinator. */
#include "clock_model.h"

#include <string.h>

static void command(struct rank *r, int what)
{
    r->commands[r->command_count++] = (uint8_t)what;
}

static int ask_step(struct state *s)
{
    int rank;

    if (s->asked)
        return 0;
    s->asked = 1;
    for (rank = 0; rank < program->ranks; rank++)
        command(&s->ranks[rank], PEND);
    return 1;
}

static int hear_step(struct rank *r)
{
    if (!r->under_way.said)
        return 0;
    r->seen = r->under_way;
    memset(&r->under_way, 0, sizeof(r->under_way));
    return 1;
}

static int all_reported(const struct state *s)
{
    int rank, n = 0;

    for (rank = 0; rank < program->ranks; rank++)
        n += s->ranks[rank].seen.said;
    return n == program->ranks || (broken == ALL && n > 0);
}

static int target_of(const struct state *s, int clock)
{
    int rank, target = 0;

    for (rank = 0; rank < program->ranks; rank++)
        if (s->ranks[rank].seen.clock[clock] > target)
            target = s->ranks[rank].seen.clock[clock];
    return target;
}

static int announce_step(struct state *s)
{
    int clock, rank, done = 0;

    for (clock = 0; all_reported(s) && clock < CLOCKS; clock++) {
        int target = target_of(s, clock);

        if (target <= s->announced[clock])
            continue;
        s->announced[clock] = (uint8_t)target;
        done = 1;
        for (rank = 0; rank < program->ranks; rank++)
            if (is_member(clock % GROUPS, rank) && s->ranks[rank].seen.clock[clock] < target &&
                broken != TARGET)
                command(&s->ranks[rank], TELL + 8 * clock + target);
    }
    return done;
}

/* In the coordinator's eyes. */
static int is_behind(const struct state *s, int rank)
{
    int clock;

    for (clock = 0; clock < CLOCKS; clock++)
        if (is_member(clock % GROUPS, rank) &&
            s->ranks[rank].seen.clock[clock] < s->announced[clock])
            return 1;
    return 0;
}

static int converge_step(struct state *s)
{
    int rank, clock;

    if (!all_reported(s))
        return 0;
    for (clock = 0; clock < CLOCKS; clock++)
        if (target_of(s, clock) > s->announced[clock])
            return 0;
    for (rank = 0; rank < program->ranks; rank++) {
        const struct rank *r = &s->ranks[rank];

        if (!r->seen.said && broken == ALL)
            continue;
        if (is_behind(s, rank) || r->seen.inside ||
            (r->given != r->seen.used && broken != ACKNOWLEDGE))
            return 0;
    }
    s->converged = 1;
    return 1;
}

/* All ranks that somebody who is behind waits for, directly or through others. */
static int needed_ranks(const struct state *s)
{
    int reached = 0, needed = 0, before = -1, rank, other;

    for (rank = 0; rank < program->ranks; rank++)
        reached |= is_behind(s, rank) << rank;
    while (needed + 16 * reached != before) {
        before = needed + 16 * reached;
        for (rank = 0; rank < program->ranks; rank++)
            if (reached >> rank & 1)
                needed |= s->ranks[rank].seen.waits;
        for (other = 0; other < program->ranks && broken != TRANSITIVE; other++)
            if ((needed >> other & 1) && !s->ranks[other].seen.parked)
                reached |= 1 << other;
    }
    return needed;
}

static int release_step(struct state *s)
{
    int needed, rank, done = 0;

    if (!all_reported(s) || broken == RELEASE)
        return 0;
    needed = needed_ranks(s);
    for (rank = 0; rank < program->ranks; rank++) {
        struct rank *r = &s->ranks[rank];

        if (!(needed >> rank & 1) || !r->seen.parked || is_behind(s, rank) ||
            r->given != r->seen.used)
            continue;
        r->given++;
        command(r, GO_ON);
        done = 1;
    }
    return done;
}

void coordinator_steps_of(const struct state *s, void (*emit)(const struct state *next))
{
    static int (*const kinds[])(struct state *) = {ask_step, announce_step, converge_step};
    struct state next;
    int rank, i, announced;

    for (i = 0; i < 3; i++) {
        next = *s;
        if (kinds[i](&next))
            emit(&next);
    }
    next = *s;
    announced = announce_step(&next); /* comes before any release */
    next = *s;
    if (!announced && release_step(&next))
        emit(&next);
    for (rank = 0; rank < program->ranks; rank++) {
        next = *s;
        if (hear_step(&next.ranks[rank]))
            emit(&next);
    }
}
