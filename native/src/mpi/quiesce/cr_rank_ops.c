/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. What the agent may ask of a rank. */
#include "cr_rank_ops.h"

#include "cr_blocked.h"
#include "cr_clock.h"
#include "cr_drain.h"
#include "cr_dynamic.h"
#include "cr_internal.h"
#include "cr_lower.h"
#include "cr_safe_point.h"
#include "cr_stub.h"

/* Tables for foreign(); they grow when the lower half does. */
static struct cr_lower_range *ranges;
static size_t range_room;
static int *fds;
static size_t fd_room;
_Static_assert(sizeof(struct cr_range) == sizeof(struct cr_lower_range), "the same two numbers");

static void *grow(void *old, size_t *room, size_t wanted, size_t each)
{
    size_t more = wanted + wanted / 4 + 16;

    if (old != NULL)
        cr_pool_free(old, *room * each);
    *room = more;
    return cr_pool_alloc(more * each);
}

/* Growing the table maps memory of the upper half, which is not in these lists: asked again, it fits. */
static size_t all_ranges(void)
{
    size_t count = cr_lower->ranges(ranges, range_room);

    while (count > range_room) {
        ranges = grow(ranges, &range_room, count, sizeof(*ranges));
        count = cr_lower->ranges(ranges, range_room);
    }
    return count;
}

static size_t all_fds(void)
{
    size_t count = cr_lower->fds(fds, fd_room);

    while (count > fd_room) {
        fds = grow(fds, &fd_room, count, sizeof(*fds));
        count = cr_lower->fds(fds, fd_room);
    }
    return count;
}

static void foreign(struct cr_foreign *ret_foreign)
{
    ret_foreign->range_count = all_ranges();
    ret_foreign->ranges = (const struct cr_range *)ranges;
    ret_foreign->fd_count = all_fds();
    ret_foreign->fds = fds;
    ret_foreign->keep_standard_streams = 1;
}

static int thread_is_foreign(int tid)
{
    return cr_lower->thread_is_lower(tid);
}

/* May be called while the application runs. */
static int may_begin(struct cr_error *err)
{
    if (cr_lower->transport[0] != '\0')
        return cr_fail(err, CR_EREFUSED, "%s", cr_lower->transport);
    return cr_dynamic_check(err);
}

static int check(struct cr_error *err)
{
    int rc = cr_stub_check(err);

    return rc < 0 ? rc : cr_drain_check(err);
}

const struct cr_rank_ops *cr_rank_ops_get(void)
{
    static struct cr_rank_ops ops = {
        .may_begin = may_begin,
        .pend = cr_clock_pend,
        .report = cr_clock_report,
        .target = cr_clock_target,
        .release = cr_clock_release,
        .stop = cr_safe_point_stop,
        .go = cr_safe_point_go,
        .may_park = cr_safe_point_may_park,
        .check = check,
        .progress = cr_drain_progress,
        .drain = cr_drain_run,
        .waits = cr_blocked_report,
        .rebuild = cr_drain_rebuild,
        .foreign = foreign,
        .thread_is_foreign = thread_is_foreign,
    };

    ops.rank = cr_internal_rank;
    ops.size = cr_internal_size;
    return &ops;
}
