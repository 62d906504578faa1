/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. The collective clock of this rank, its gate, and its report. */
#include "cr_clock.h"

#include "cr_call.h"
#include "cr_fault.h"
#include "cr_internal.h"
#include "cr_ranks.h"
#include "cr_request.h"
#include "cr_safe_point.h"
#include "cr_sys.h"

#include <linux/membarrier.h>
#include <string.h>

static uint32_t world_rank, world_size, group_count, freed_count;
static struct cr_group *groups;
/* Freed communicators whose clocks are kept, between two checkpoints: nobody is more frees behind than this. */
enum { MOST_FREED = 1024 };
static struct cr_lock clock_lock;

static volatile uint32_t in_collective; /* threads between begin and end that are not at the gate */
static volatile uint32_t at_gate;
static volatile uint32_t gate_event; /* futex: counted up when the gate may have opened */
static int release_given, finalizing;
static uint64_t releases_used, *wait_set; /* wait_set: bit per world rank */
static volatile int wait_set_used;

void cr_clock_init(uint32_t rank, uint32_t size)
{
    world_rank = rank;
    world_size = size;
    wait_set = cr_pool_alloc((size + 63) / 64 * sizeof(*wait_set));
}

/* ---- groups ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0xff51afd7ed558ccdUL;
    hash ^= hash >> 32;
    hash *= 0xc4ceb9fe1a85ec53UL;
    return hash ^ hash >> 29;
}

static struct cr_group *lookup(const uint32_t *sorted, uint32_t count)
{
    struct cr_group *g;

    for (g = groups; g != NULL; g = g->next)
        if (g->kind == CR_CLOCK_GROUP && g->count == count &&
            memcmp(g->members, sorted, count * sizeof(*sorted)) == 0)
            return g;
    return NULL;
}

static struct cr_group *insert(enum cr_clock_kind kind, uint64_t id_high, uint64_t id_low,
                               const uint32_t *sorted, uint32_t count)
{
    struct cr_group *g = cr_pool_alloc(sizeof(*g));

    g->kind = kind;
    g->id_high = id_high;
    g->id_low = id_low;
    g->members = cr_pool_alloc(count * sizeof(*sorted) + 1);
    if (count > 0)
        memcpy(g->members, sorted, count * sizeof(*sorted));
    g->count = count;
    g->next = groups;
    groups = g;
    group_count++;
    return g;
}

static void forget(struct cr_group **link)
{
    struct cr_group *g = *link;

    *link = g->next;
    cr_pool_free(g->members, g->count * sizeof(*g->members) + 1);
    cr_pool_free(g, sizeof(*g));
    group_count--;
}

/* What others have counted on it meanwhile becomes its target. */
static struct cr_group *insert_known(enum cr_clock_kind kind, uint64_t id_high, uint64_t id_low,
                                     const uint32_t *sorted, uint32_t count)
{
    struct cr_group **link, *g;
    uint64_t target = 0;

    for (link = &groups; *link != NULL; link = &(*link)->next)
        if ((*link)->kind == CR_CLOCK_FOREIGN && (*link)->id_high == id_high &&
            (*link)->id_low == id_low) {
            target = (*link)->target;
            forget(link);
            break;
        }
    g = insert(kind, id_high, id_low, sorted, count);
    g->target = target;
    return g;
}

/* HIGH and LOW tell clocks of the same members apart. */
static struct cr_group *insert_of(enum cr_clock_kind kind, uint64_t high, uint64_t low,
                                  const uint32_t *sorted, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        high = mix(high, sorted[i] + 1);
        low = mix(low, ~(uint64_t)sorted[i]);
    }
    return insert_known(kind, high, low, sorted, count);
}

struct cr_group *cr_clock_of(const uint32_t *ranks, uint32_t count)
{
    size_t size;
    uint32_t *sorted = cr_ranks_sorted(ranks, &count, &size);
    struct cr_group *g;

    cr_lock_take(&clock_lock);
    g = lookup(sorted, count);
    if (g == NULL)
        g = insert_of(CR_CLOCK_GROUP, 0x9e3779b97f4a7c15UL, 0xd1b54a32d192ed03UL, sorted, count);
    cr_lock_give(&clock_lock);
    cr_pool_free(sorted, size);
    return g;
}

struct cr_group *cr_clock_of_comm(uint64_t id_high, uint64_t id_low, const uint32_t *ranks,
                                  uint32_t count)
{
    size_t size;
    uint32_t *sorted = cr_ranks_sorted(ranks, &count, &size);
    struct cr_group *g;

    cr_lock_take(&clock_lock);
    /* The parts of a split communicator have one identity. */
    g = insert_of(CR_CLOCK_COMM, id_high, id_low, sorted, count);
    cr_lock_give(&clock_lock);
    cr_pool_free(sorted, size);
    return g;
}

/* Forgets clocks of freed communicators but the newest KEEP ones. The lock is held. */
static void prune(uint32_t keep)
{
    struct cr_group **link = &groups, *g;
    uint32_t seen = 0;

    while ((g = *link) != NULL) {
        if (g->kind != CR_CLOCK_COMM_FREED || ++seen <= keep) {
            link = &g->next;
            continue;
        }
        forget(link);
        freed_count--;
    }
}

void cr_clock_comm_freed(struct cr_group *clock)
{
    if (clock == NULL || clock->kind != CR_CLOCK_COMM)
        return;
    cr_lock_take(&clock_lock);
    clock->kind = CR_CLOCK_COMM_FREED;
    if (++freed_count > MOST_FREED)
        prune(MOST_FREED / 2);
    cr_lock_give(&clock_lock);
}

/* ---- the gate ---- */

static int behind(void)
{
    const struct cr_group *g;

    for (g = groups; g != NULL; g = g->next)
        if (g->sequence < g->target)
            return 1;
    return 0;
}

static void enter_count(volatile uint32_t *count, int add)
{
    __atomic_fetch_add(count, (uint32_t)add, __ATOMIC_RELAXED);
}

/* With the lock: passes if others are ahead, or with a release. Returns 1 if passed. */
static int pass(struct cr_group *g)
{
    int late = behind();

    if (!late && !release_given)
        return 0;
    if (!late) {
        release_given = 0;
        releases_used++;
    }
    if (g == NULL)
        return 1;
    g->sequence++;
    if (g->target < g->sequence)
        g->target = g->sequence;
    return 1;
}

/* Sleeps until something has happened since EVENT was read. The lock is held and given back. */
static void sleep_at_gate(uint32_t event)
{
    enter_count(&in_collective, -1);
    enter_count(&at_gate, 1);
    cr_lock_give(&clock_lock);
    cr_gate_call.held = 1;
    cr_safe_point_report_changed();
    cr_internal_progress_while(&gate_event, event);
    cr_gate_call.held = 0;
    enter_count(&in_collective, 1);
    enter_count(&at_gate, -1);
}

static void park_at_gate(void)
{
    enter_count(&in_collective, -1);
    cr_gate_park();
    enter_count(&in_collective, 1);
}

static void gate(struct cr_group *g)
{
    cr_clock_progressed();
    for (;;) {
        /* Before the word, which the agent changes first: otherwise a change between the two would be slept through. */
        uint32_t event = gate_event;
        uint32_t word = cr_gate_word;

        if (word & CR_GATE_STOP) {
            park_at_gate();
            continue;
        }
        if (!(word & CR_GATE_PENDING))
            break;
        cr_fault("gate:before-sleep");
        cr_lock_take(&clock_lock);
        if (pass(g)) {
            cr_lock_give(&clock_lock);
            cr_safe_point_report_changed();
            return;
        }
        sleep_at_gate(event);
    }
    if (g != NULL)
        __atomic_fetch_add(&g->sequence, 1, __ATOMIC_RELAXED);
}

/*
 * in_collective comes before the look at the word, and the agent's membarrier lies between its store to the word and its
 * look at in_collective: one of the two sees the other, at no cost here. Likewise the second look: whoever counts after the
 * agent's first report says so. Otherwise nobody would be told to come here.
 */
void cr_collective_begin_clock(struct cr_group *g)
{
    if (__builtin_expect(cr_request_threads, 0))
        enter_count(&in_collective, 1);
    else
        in_collective++;
    cr_gate_barrier();
    if (__builtin_expect(cr_gate_word, 0) || __builtin_expect(g == NULL, 0))
        gate(g);
    else if (__builtin_expect(cr_request_threads, 0))
        __atomic_fetch_add(&g->sequence, 1, __ATOMIC_RELAXED);
    else
        g->sequence++;
    cr_gate_barrier();
    if (__builtin_expect(cr_gate_word, 0))
        cr_safe_point_report_changed();
}

void cr_collective_begin(MPI_Comm comm)
{
    cr_gate_call.object = comm;
    cr_collective_begin_clock(((struct cr_communicator *)comm)->keyed.clock);
}

void cr_collective_begin_unclocked(void)
{
    enter_count(&in_collective, 1);
}

void cr_collective_end(void)
{
    cr_gate_call.object = NULL;
    cr_gate_barrier();
    if (__builtin_expect(cr_request_threads, 0))
        enter_count(&in_collective, -1);
    else
        in_collective--;
    if (__builtin_expect(cr_gate_word, 0))
        cr_safe_point_report_changed();
}

void cr_clock_wake(void)
{
    __atomic_fetch_add(&gate_event, 1, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&gate_event, 1 << 30);
}

/*
 * ---- whom this rank waits for ----
 *
 * Asked for only when somebody is kept waiting: a program that exchanges messages changes it a hundred thousand times a second,
 * and an agent that hears of each takes the processor from the very ranks for which it waits.
 */

static int set_bit(uint32_t rank)
{
    uint64_t bit = 1UL << (rank % 64);

    if (rank >= world_size || rank == world_rank)
        return 0;
    return !(__atomic_fetch_or(&wait_set[rank / 64], bit, __ATOMIC_RELAXED) & bit);
}

void cr_clock_waits_for(MPI_Comm comm, int peer)
{
    const struct cr_communicator *c = (const struct cr_communicator *)comm;
    int i, news = 0;

    if (!(cr_gate_word & CR_GATE_PENDING) || c == NULL)
        return;
    if (peer == MPI_ANY_SOURCE)
        for (i = 0; i < c->peer_size; i++)
            news |= set_bit(c->world_ranks[i]);
    else if (peer >= 0)
        news = set_bit(c->world_ranks[peer]);
    if (!news)
        return;
    wait_set_used = 1;
    cr_safe_point_report_later();
}

void cr_clock_progressed(void)
{
    uint32_t i;

    if (!wait_set_used)
        return;
    wait_set_used = 0;
    for (i = 0; i < (world_size + 63) / 64; i++)
        wait_set[i] = 0;
    cr_safe_point_report_later();
}

/* ---- the agent's side ---- */

void cr_clock_pend(void)
{
    struct cr_group **link = &groups;

    cr_lock_take(&clock_lock);
    while (*link != NULL) {
        (*link)->target = 0;
        if ((*link)->kind == CR_CLOCK_FOREIGN)
            forget(link);
        else
            link = &(*link)->next;
    }
    release_given = 0;
    releases_used = 0;
    cr_lock_give(&clock_lock);
    cr_clock_progressed();
    __atomic_or_fetch(&cr_gate_word, CR_GATE_PENDING, __ATOMIC_SEQ_CST);
    /* Again after each restart; costs nothing when it is registered. */
    cr_sys(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    cr_sys(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static struct cr_group_clock *report_clocks;
static size_t report_clocks_size;
static uint32_t *report_waits;

static void fill_clocks(struct cr_collective_report *report)
{
    const struct cr_group *g;
    size_t n = 0;

    for (g = groups; g != NULL; g = g->next) {
        if (g->kind == CR_CLOCK_FOREIGN || g->sequence == 0)
            continue;
        report_clocks[n].id_high = g->id_high;
        report_clocks[n].id_low = g->id_low;
        report_clocks[n].sequence = g->sequence;
        report_clocks[n].members = g->members;
        report_clocks[n].member_count = g->count;
        n++;
    }
    report->clocks = report_clocks;
    report->clock_count = n;
}

static void fill_waits(struct cr_collective_report *report)
{
    uint32_t rank;
    size_t n = 0;

    for (rank = 0; rank < world_size; rank++)
        if (wait_set[rank / 64] >> (rank % 64) & 1)
            report_waits[n++] = rank;
    report->waits_for = report_waits;
    report->waits_for_count = n;
}

void cr_clock_report(struct cr_collective_report *ret_report)
{
    cr_call_report(ret_report);
    cr_lock_take(&clock_lock);
    if (report_clocks_size < group_count) {
        size_t size = 2 * group_count;

        cr_pool_free(report_clocks, report_clocks_size * sizeof(*report_clocks));
        report_clocks = cr_pool_alloc(size * sizeof(*report_clocks));
        report_clocks_size = size;
    }
    if (report_waits == NULL)
        report_waits = cr_pool_alloc(world_size * sizeof(*report_waits));
    ret_report->in_collective = in_collective != 0;
    cr_gate_barrier();
    ret_report->parked = at_gate != 0;
    ret_report->finalizing = finalizing;
    ret_report->releases_used = releases_used;
    fill_clocks(ret_report);
    fill_waits(ret_report);
    cr_lock_give(&clock_lock);
}

void cr_clock_target(uint64_t id_high, uint64_t id_low, uint64_t sequence)
{
    struct cr_group *g = groups;

    cr_lock_take(&clock_lock);
    while (g != NULL && (g->id_high != id_high || g->id_low != id_low))
        g = g->next;
    if (g == NULL)
        g = insert(CR_CLOCK_FOREIGN, id_high, id_low, NULL, 0);
    if (g->target < sequence)
        g->target = sequence;
    cr_lock_give(&clock_lock);
    cr_clock_wake();
}

void cr_clock_release(void)
{
    cr_lock_take(&clock_lock);
    release_given = 1;
    cr_lock_give(&clock_lock);
    cr_clock_wake();
}

void cr_clock_round_over(int converged)
{
    if (converged) {
        cr_lock_take(&clock_lock);
        prune(0);
        cr_lock_give(&clock_lock);
    }
    cr_clock_progressed();
    cr_clock_wake();
}

void cr_clock_finalizing(void)
{
    finalizing = 1;
    cr_safe_point_report_changed();
}
