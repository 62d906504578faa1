/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the agent says and hears as a rank of an MPI job. */
#include "cr_agent_handles.h"
#include "cr_agent_parts.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MAX_FDS 1024
#define REGISTER_TIMEOUT_MS 10000

/* Where the C library keeps the program break, which is another one in every lower half. */
extern void *__curbrk __attribute__((weak, visibility("default")));

/* Not in the image: it differs in every process. */
static int foreign_fds[MAX_FDS];

static int was_reported(struct cr_link *link, const struct cr_group_clock *clock)
{
    for (size_t i = 0; i < link->reported_count; i++)
        if (link->reported[i][0] == clock->id_high && link->reported[i][1] == clock->id_low)
            return 1;
    if (link->reported_count < sizeof(link->reported) / sizeof(*link->reported)) {
        link->reported[link->reported_count][0] = clock->id_high;
        link->reported[link->reported_count++][1] = clock->id_low;
    }
    return 0;
}

size_t cr_agent_ranges(const uint32_t *numbers, size_t count, quiesce_wire_Range *ranges,
                       size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (n == most || (n > 0 && ranges[n - 1].last + 1 == numbers[i]))
            ranges[n - 1].last = numbers[i];
        else
            ranges[n++] = (quiesce_wire_Range){numbers[i], numbers[i]};
    }
    return n;
}

/* All of them, in ARENA. */
static int fill_ranges(struct cr_arena *arena, const uint32_t *numbers, size_t count,
                       struct cr_wire_list *ret_list)
{
    quiesce_wire_Range *ranges = cr_arena_alloc(arena, (count + 1) * sizeof(*ranges));

    if (ranges == NULL)
        return -ENOMEM;
    *ret_list = cr_wire_list_of(ranges, cr_agent_ranges(numbers, count, ranges, count));
    return 0;
}

static int fill_clocks(struct cr_link *link, const struct cr_collective_report *report,
                       quiesce_wire_CollectiveReport *out)
{
    struct cr_arena *arena = &link->arena;
    quiesce_wire_GroupClock *clocks =
        cr_arena_alloc(arena, (report->clock_count + 1) * sizeof(*clocks));
    quiesce_wire_GroupMembers *groups =
        cr_arena_alloc(arena, (report->clock_count + 1) * sizeof(*groups));
    size_t new_groups = 0;

    if (clocks == NULL || groups == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < report->clock_count; i++) {
        const struct cr_group_clock *c = &report->clocks[i];
        clocks[i] = (quiesce_wire_GroupClock){c->id_high, c->id_low, c->sequence};
        if (was_reported(link, c))
            continue;
        groups[new_groups].id_high = c->id_high;
        groups[new_groups].id_low = c->id_low;
        if (fill_ranges(arena, c->members, c->member_count, &groups[new_groups++].member) < 0)
            return -ENOMEM;
    }
    out->clock = cr_wire_list_of(clocks, report->clock_count);
    out->group = cr_wire_list_of(groups, new_groups);
    return 0;
}

static int fill_calls(struct cr_arena *arena, const struct cr_collective_report *report,
                      struct cr_wire_list *ret_list)
{
    quiesce_wire_Call *calls = cr_arena_alloc(arena, (report->call_count + 1) * sizeof(*calls));

    if (calls == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < report->call_count; i++) {
        const struct cr_rank_call *c = &report->calls[i];

        cr_str_copy(calls[i].name, sizeof(calls[i].name), c->name);
        cr_str_copy(calls[i].object, sizeof(calls[i].object), c->object);
        calls[i].id_high = c->id_high;
        calls[i].id_low = c->id_low;
        calls[i].held = c->held != 0;
        if (fill_ranges(arena, c->members, c->member_count, &calls[i].member) < 0)
            return -ENOMEM;
    }
    *ret_list = cr_wire_list_of(calls, report->call_count);
    return 0;
}

int cr_agent_rank_report(struct cr_link *link)
{
    static quiesce_wire_Frame frame;
    quiesce_wire_CollectiveReport *out = &frame.body.collective_report;
    const struct cr_rank_ops *ops = cr_agent.ops;
    struct cr_collective_report report;
    size_t mark = link->arena.used;
    int rc;

    /* Before the snapshot: a change after it wakes the agent again. */
    __atomic_store_n(&cr_agent.report_later, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cr_agent.report_pending, 0, __ATOMIC_SEQ_CST);
    memset(&report, 0, sizeof(report));
    ops->report(&report);
    memset(&frame, 0, sizeof(frame));
    frame.round = link->round;
    frame.which_body = quiesce_wire_Frame_collective_report_tag;
    out->rank = (uint32_t)ops->rank;
    out->in_collective = report.in_collective != 0;
    out->parked = report.parked != 0;
    out->finalizing = report.finalizing != 0;
    out->releases_used = report.releases_used;
    if (fill_clocks(link, &report, out) < 0 ||
        fill_ranges(&link->arena, report.waits_for, report.waits_for_count, &out->waits_for) < 0 ||
        fill_calls(&link->arena, &report, &out->call) < 0)
        return -ENOMEM;
    rc = cr_link_send(link, &frame);
    link->arena.used = mark;
    return rc;
}

int cr_agent_rank_begin(struct cr_link *link, const quiesce_wire_Begin *begin,
                        quiesce_wire_RankResult *result, struct cr_error *err)
{
    const struct cr_rank_ops *ops = cr_agent.ops;
    int rc;

    if (ops == NULL)
        return 0;
    cr_agent_ask_remember(begin);
    rc = cr_callbacks_early(link, begin, result, err);
    if (rc < 0)
        return rc;
    cr_agent.in_collectives = 1;
    ops->pend();
    if (cr_agent_rank_report(link) < 0)
        return cr_fail(err, CR_EREFUSED,
                       "this rank uses more communicators than fit into a message");
    return 0;
}

void cr_agent_rank_release(const quiesce_wire_Release *release)
{
    const struct cr_rank_ops *ops = cr_agent.ops;

    for (uint32_t i = 0; ops != NULL && i < release->rank.count; i++)
        if (*cr_wire_at(&release->rank, uint32_t, i) == (uint32_t)ops->rank)
            ops->release();
}

void cr_agent_rank_targets(const quiesce_wire_Targets *targets)
{
    const struct cr_rank_ops *ops = cr_agent.ops;

    for (uint32_t i = 0; ops != NULL && i < targets->clock.count; i++) {
        const quiesce_wire_GroupClock *c = cr_wire_at(&targets->clock, quiesce_wire_GroupClock, i);
        ops->target(c->id_high, c->id_low, c->sequence);
    }
}

void cr_agent_rank_foreign(const struct cr_link *link, struct cr_foreign *ret_foreign)
{
    struct cr_foreign foreign = {0};
    size_t n = 0;

    if (cr_agent.ops != NULL)
        cr_agent.ops->foreign(&foreign);
    for (; n < foreign.fd_count && n < MAX_FDS - 3; n++)
        foreign_fds[n] = foreign.fds[n];
    if (link->fd >= 0)
        foreign_fds[n++] = link->fd;
    if (link->signals >= 0)
        foreign_fds[n++] = link->signals;
    if (cr_agent.dump.ready.fd >= 0)
        foreign_fds[n++] = cr_agent.dump.ready.fd;
    cr_agent_group_foreign(&foreign);
    foreign.fds = foreign_fds;
    foreign.fd_count = cr_handles_foreign(foreign_fds, n, MAX_FDS, link->requester);
    *ret_foreign = foreign;
}

const struct cr_rank_facts *cr_agent_rank_facts(uint32_t sequence)
{
    struct cr_rank_facts *facts = &cr_agent.facts;

    if (cr_agent.ops == NULL)
        return NULL;
    facts->rank = (uint32_t)cr_agent.ops->rank;
    facts->size = (uint32_t)cr_agent.ops->size;
    facts->sequence = sequence;
    facts->initialized = 1;
    facts->upper_end = CR_UPPER_END;
    facts->thread_level = (uint32_t)cr_lower->thread_level;
    facts->fake_vdso = cr_lower->fake_vdso_start;
    facts->job = cr_lower->job;
    facts->brk_variable = (uint64_t)&__curbrk;
    return facts;
}

int cr_agent_rank_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = (int)cr_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return fd;
    cr_fmt(address.sun_path, sizeof(address.sun_path), "%s/node.sock", cr_lower->run_directory);
    rc = (int)cr_sys(SYS_connect, fd, &address, sizeof(address));
    if (rc < 0)
        cr_sys_close(fd);
    return rc < 0 ? rc : fd;
}

static int register_on(struct cr_link *link, struct cr_error *err)
{
    static quiesce_wire_Frame frame;
    static uint8_t buffer[CR_FRAME_AGENT_MAX];
    int rc;

    cr_frame_reader_init(&link->reader, buffer, sizeof(buffer));
    rc = cr_link_hello(link, "register");
    if (rc == 0)
        rc = cr_frame_receive(link->fd, &link->reader, &link->arena, REGISTER_TIMEOUT_MS, &frame,
                              err);
    if (rc == 0)
        return cr_fail(err, CR_ETIMEOUT, "crnode did not answer in %s", cr_lower->run_directory);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot register with crnode in %s: %s", cr_lower->run_directory,
                       cr_error_words(-rc));
    return 0;
}

int cr_agent_register(struct cr_error *err)
{
    static struct cr_link link = {.fd = -1, .signals = -1, .passed = -1};
    int rc;

    if (cr_agent.ops == NULL || cr_lower->run_directory[0] == '\0')
        return 0;
    if (link.arena.size == 0 && cr_arena_create(&link.arena, 1UL << 20) < 0)
        return cr_fail(err, ENOMEM, "no memory for the registration with crnode");
    link.signals = -1;
    link.fd = cr_agent_rank_connect();
    if (link.fd < 0)
        return cr_fail(err, -link.fd, "cannot connect to crnode in %s: %s", cr_lower->run_directory,
                       cr_error_words(-link.fd));
    rc = register_on(&link, err);
    cr_link_close(&link);
    return rc;
}
