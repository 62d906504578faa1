/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: clock_check [--full|--both] [--late] [--samples N] [--seed N] [--break RULE]
 *
 * Walks all states that the protocol can reach in many small programs, and says whether one of them is wrong or the last one.
 */
#include "clock_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 16 };

/* ---- states that were seen: their hashes ---- */

static uint64_t *seen;
static size_t seen_room, seen_count;
static struct state *stack;
static size_t stack_room, stack_count;

static uint64_t hash_of(const struct state *s)
{
    const unsigned char *at = (const unsigned char *)s;
    uint64_t a = 0x9e3779b97f4a7c15UL, word;
    size_t i;

    for (i = 0; i + sizeof(word) <= sizeof(*s); i += sizeof(word)) {
        memcpy(&word, at + i, sizeof(word));
        a = (a ^ word) * 0xff51afd7ed558ccdUL;
        a ^= a >> 32;
    }
    for (; i < sizeof(*s); i++)
        a = (a ^ at[i]) * 0xc4ceb9fe1a85ec53UL;
    a ^= a >> 29;
    a *= 0xc4ceb9fe1a85ec53UL;
    return (a ^ a >> 32) | 1;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        printf("Bail out! no memory\n");
        exit(3);
    }
    return memory;
}

static uint64_t *place_of(uint64_t *table, size_t room, uint64_t hash)
{
    size_t i = hash & (room - 1);

    while (table[i] != 0 && table[i] != hash)
        i = (i + 1) & (room - 1);
    return &table[i];
}

static void grow(void)
{
    size_t room = seen_room * 2, i;
    uint64_t *table = must(calloc(room, sizeof(*table)));

    for (i = 0; i < seen_room; i++)
        if (seen[i] != 0)
            *place_of(table, room, seen[i]) = seen[i];
    free(seen);
    seen = table;
    seen_room = room;
}

static void visit(const struct state *s)
{
    uint64_t hash = hash_of(s), *place = place_of(seen, seen_room, hash);

    if (*place != 0)
        return;
    *place = hash;
    if (++seen_count * 2 > seen_room)
        grow();
    if (stack_count == stack_room) {
        stack_room = stack_room * 2 + 64;
        stack = must(realloc(stack, stack_room * sizeof(*stack)));
    }
    stack[stack_count++] = *s;
}

static int successors;

static void follow(const struct state *next)
{
    successors++;
    visit(next);
}

/* Returns what is wrong with a state of P, or NULL. */
static const char *explore(const struct program *p)
{
    struct state s;
    const char *fault;

    program = p;
    free(seen);
    seen_room = FIRST_ROOM;
    seen = must(calloc(seen_room, sizeof(*seen)));
    seen_count = stack_count = 0;
    memset(&s, 0, sizeof(s));
    visit(&s);
    while (stack_count > 0) {
        s = stack[--stack_count];
        fault = fault_of(&s);
        if (fault != NULL)
            return fault;
        successors = 0;
        steps_of(&s, follow);
        if (successors == 0 && !s.converged)
            return has_ended(&s) ? "the program has ended, and the checkpoint never begins"
                                 : "nobody can do anything more, and it has not converged";
    }
    return NULL;
}

/* ---- programs ---- */

static uint64_t dice_state;

static int dice(int sides)
{
    uint64_t x = dice_state += 0x9e3779b97f4a7c15UL;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
    return (int)((x ^ x >> 31) % (uint64_t)sides);
}

/* With three ranks: 3 kinds of collective on 6 groups, messages and handshakes of 6 pairs. */
enum { SMALL_GROUPS = 6, COLLECTIVES = 3 * SMALL_GROUPS, KINDS = COLLECTIVES + 2 * 6 };

static struct event event_of(int number, int thread)
{
    struct event e = {.thread = (uint8_t)thread};

    if (number < COLLECTIVES) {
        e.kind = (uint8_t)(number / SMALL_GROUPS);
        e.group = (uint8_t)(number % SMALL_GROUPS);
        return e;
    }
    number -= COLLECTIVES;
    e.kind = number < 6 ? MESSAGE : HANDSHAKE;
    e.source = (uint8_t)(number % 6 / 2);
    e.dest = (uint8_t)((e.source + 1 + number % 2) % 3);
    return e;
}

static const char *const kind_names[] = {"barrier", "broadcast", "begin",
                                         "wait",    "message",   "handshake"};

static void print_program(const struct program *p)
{
    int i, rank;

    for (i = 0; i < p->count; i++) {
        const struct event *e = &p->events[i];

        printf("%s%s ", i > 0 ? ", " : "", kind_names[e->kind]);
        for (rank = 0; e->kind <= BEGIN && rank < p->ranks; rank++)
            if (is_member(e->group, rank))
                printf("%d", rank);
        if (e->kind == WAIT)
            printf("for %d of %d", e->group, e->dest);
        if (e->kind > WAIT)
            printf("%d>%d", e->source, e->dest);
        if (e->thread > 0)
            printf(" (2nd thread)");
    }
}

/* What the rules are there for; each is needed for one of these at least. */
static const struct program hard[] = {
    /* a late rank waits for one that is parked; the same through a third one; by a handshake */
    {.ranks = 3,
     .count = 3,
     .events = {{BARRIER, 0, 4, 0, 0}, {MESSAGE, 0, 0, 0, 1}, {BARRIER, 0, 1, 0, 0}}},
    {.ranks = 4,
     .count = 4,
     .events = {{BARRIER, 0, 4, 0, 0},
                {MESSAGE, 0, 0, 0, 1},
                {MESSAGE, 0, 0, 1, 2},
                {BARRIER, 0, 6, 0, 0}}},
    {.ranks = 3,
     .count = 3,
     .events = {{BARRIER, 0, 4, 0, 0}, {HANDSHAKE, 0, 0, 1, 0}, {BROADCAST, 0, 1, 0, 0}}},
    /* a root that runs ahead, twice */
    {.ranks = 3, .count = 2, .events = {{BROADCAST, 0, 3, 0, 0}, {BROADCAST, 0, 0, 0, 0}}},
    /* behind on one group, while others have begun another one */
    {.ranks = 3,
     .count = 3,
     .events = {{BARRIER, 0, 0, 0, 0}, {BARRIER, 0, 1, 0, 0}, {BROADCAST, 0, 2, 0, 0}}},
    /* a collective that is not waited for; then one that needs a parked rank to make progress */
    {.ranks = 3, .count = 2, .events = {{BEGIN, 0, 3, 0, 0}, {BARRIER, 0, 4, 0, 0}}},
    {.ranks = 3,
     .count = 4,
     .events =
         {{BEGIN, 0, 0, 0, 0}, {WAIT, 0, 0, 0, 1}, {BARRIER, 0, 4, 0, 0}, {BARRIER, 0, 1, 0, 0}}},
    /* two threads of a rank: in collectives of the same ranks; one is parked while the other is waited for */
    {.ranks = 3, .count = 2, .events = {{BARRIER, 0, 0, 0, 0}, {BARRIER, 1, 0, 0, 0}}},
    {.ranks = 3,
     .count = 3,
     .events = {{BARRIER, 0, 4, 0, 0}, {MESSAGE, 1, 0, 0, 1}, {BARRIER, 1, 1, 0, 0}}},
};
enum { HARD = sizeof(hard) / sizeof(*hard) };

static size_t states_sum, programs_sum;

/* Returns 1 if the program is wrong. */
static int check(const struct program *given, int quiet)
{
    struct program p = *given;
    const char *fault;

    program_finish(&p);
    fault = explore(&p);
    states_sum += seen_count;
    programs_sum++;
    if (fault == NULL || quiet)
        return fault != NULL;
    printf("# %s: ", fault);
    print_program(&p);
    printf("\n");
    return 1;
}

static int check_hard(int quiet)
{
    int i, bad = 0;

    for (i = 0; i < HARD && !bad; i++)
        bad = check(&hard[i], quiet);
    return bad;
}

/*
 * All programs of one event, all of two (if THREADS is not 0) with the second one on the first so many threads, and so many
 * SAMPLES of those and of longer ones.
 */
static int check_many(int threads, int samples, int quiet)
{
    struct program p = {.ranks = 3};
    int a, b, t, i, bad = 0;

    for (a = 0; a < KINDS && !bad; a++) {
        p.count = 1;
        p.events[0] = event_of(a, 0);
        bad = check(&p, quiet);
        for (b = 0; b < KINDS && !bad; b++)
            for (t = 0; t < threads && !bad; t++) {
                p.count = 2;
                p.events[1] = event_of(b, t);
                bad = check(&p, quiet);
            }
    }
    for (i = 0; i < samples && !bad; i++) {
        p.count = 2 + (dice(4) == 0);
        for (a = 0; a < p.count; a++)
            p.events[a] = event_of(dice(KINDS), dice(4) == 0);
        bad = check(&p, quiet);
    }
    return bad;
}

/* Each rule that is left out must be missed. */
static int check_breaks(int samples)
{
    int rule, bad = 0;

    for (rule = NOTHING + 1; rule < RULES; rule++) {
        int found;

        broken = (enum rule)rule;
        found = check_hard(1) || check_many(0, samples, 1);
        printf("%s %d - without \"%s\" something goes wrong\n", found ? "ok" : "not ok", rule + 1,
               rule_names[rule]);
        bad |= !found;
    }
    broken = NOTHING;
    return bad;
}

static int usage(void)
{
    int rule;

    fprintf(stderr, "usage: clock_check [--full|--both] [--late] [--samples N] [--seed N] [--break "
                    "RULE]\nRULE: one of");
    for (rule = NOTHING + 1; rule < RULES; rule++)
        fprintf(stderr, " %s", rule_names[rule]);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    int threads = 0, samples = 12, i, rule, bad;
    unsigned long seed = 1;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--full") == 0)
            threads = 1;
        else if (strcmp(argv[i], "--both") == 0)
            threads = THREADS;
        else if (strcmp(argv[i], "--late") == 0)
            late_reports = 1;
        else if (strcmp(argv[i], "--samples") == 0 && i + 1 < argc)
            samples = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--break") == 0 && i + 1 < argc) {
            for (i++, rule = RULES - 1; rule > 0 && strcmp(rule_names[rule], argv[i]) != 0; rule--)
                ;
            if (rule == 0)
                return usage();
            broken = (enum rule)rule;
        } else
            return usage();
    }
    dice_state = seed;
    bad = check_hard(0) || check_many(threads, samples, 0);
    printf("%s 1 - %zu programs, %zu states, seed %lu: all converge, and rightly\n",
           bad ? "not ok" : "ok", programs_sum, states_sum, seed);
    if (broken == NOTHING && !bad)
        bad = check_breaks(samples);
    printf("1..%d\n", broken == NOTHING ? RULES : 1);
    return bad;
}
