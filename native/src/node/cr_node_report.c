/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What crnode tells about itself and its ranks. */
#include "cr_fmt.h"
#include "cr_frame.h"
#include "cr_node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An array of COUNT zeroed items in the arena; what does not fit is left out of the message. */
static void *take(struct cr_node *node, size_t *count, size_t size)
{
    void *items = cr_arena_alloc(&node->arena, *count * size);

    if (items == NULL)
        *count = 0;
    else
        memset(items, 0, *count * size);
    return items;
}

void cr_report_hello(struct cr_node *node)
{
    quiesce_wire_NodeHello *hello = &node->out.body.node_hello;
    size_t count = node->rank_count;
    quiesce_wire_RankInfo *info = take(node, &count, sizeof(*info));

    memset(&node->out, 0, sizeof(node->out));
    node->out.which_body = quiesce_wire_Frame_node_hello_tag;
    cr_str_copy(hello->host, sizeof(hello->host), node->record.host);
    cr_str_copy(hello->version, sizeof(hello->version), QUIESCE_VERSION);
    cr_str_copy(hello->job, sizeof(hello->job), node->record.job);
    hello->crnode_pid = (uint32_t)getpid();
    hello->world_size = node->record.world_size;
    for (size_t i = 0; i < count; i++) {
        const struct cr_node_rank *r = node->ranks[i];

        info[i] = (quiesce_wire_RankInfo){.rank = r->rank,
                                          .pid = r->pid,
                                          .generation = r->generation,
                                          .ready = true,
                                          .finalizing = r->finalizing != 0};
    }
    hello->rank = cr_wire_list_of(info, count);
    hello->ended = cr_wire_list_of(node->ended, node->ended_count);
}

/* Why RANK has not answered, as far as it can be seen from here. */
static const char *what_holds(const struct cr_node_rank *rank)
{
    switch (rank->state) {
    case CR_RANK_WOKEN:
    case CR_RANK_GREETED:
        return "its agent has not answered the wake-up";
    case CR_RANK_WAITING:
        return "another rank of this node is writing";
    case CR_RANK_BUSY:
        return rank->phase != quiesce_wire_Phase_PHASE_COLLECTIVES || rank->calls.known
                   ? ""
                   : "its agent has not answered";
    default:
        return "";
    }
}

static struct cr_wire_list shown(struct cr_node_ranges *ranges)
{
    return cr_wire_list_of(ranges->at, ranges->count);
}

static void show_calls(struct cr_node_rank *rank, quiesce_wire_RankStatus *status)
{
    struct cr_node_calls *calls = &rank->calls;

    for (uint32_t i = 0; i < calls->count; i++)
        calls->at[i].member = shown(&calls->members[i]);
    status->call = cr_wire_list_of(calls->at, calls->count);
    status->rank_waited_for = shown(&calls->waits);
}

void cr_report_status(struct cr_node *node)
{
    quiesce_wire_NodeStatus *status = &node->out.body.node_status;
    size_t count = node->rank_count;
    quiesce_wire_RankStatus *list = take(node, &count, sizeof(*list));
    int64_t now = cr_loop_now_ms();

    memset(&node->out, 0, sizeof(node->out));
    node->out.round = node->round.state != CR_ROUND_NONE ? node->round.id : 0;
    node->out.which_body = quiesce_wire_Frame_node_status_tag;
    cr_str_copy(status->host, sizeof(status->host), node->record.host);
    status->crnode_pid = (uint32_t)getpid();
    for (size_t i = 0; i < count; i++) {
        const struct cr_node_rank *r = node->ranks[i];

        list[i].rank = r->rank;
        list[i].pid = r->pid;
        list[i].generation = r->generation;
        list[i].phase = r->state == CR_RANK_IDLE ? quiesce_wire_Phase_PHASE_IDLE : r->phase;
        list[i].millis_in_phase = r->state == CR_RANK_IDLE ? 0 : (uint64_t)(now - r->since);
        cr_str_copy(list[i].waits_for, sizeof(list[i].waits_for), what_holds(r));
        if (r->state == CR_RANK_BUSY && r->phase == quiesce_wire_Phase_PHASE_COLLECTIVES)
            show_calls(node->ranks[i], &list[i]);
    }
    status->rank = cr_wire_list_of(list, count);
}

/* ---- collectives ---- */

static int group_is_known(const struct cr_node_round *round, const quiesce_wire_GroupMembers *g)
{
    for (size_t i = 0; i < round->group_count; i++) {
        if (round->groups[i].high == g->id_high && round->groups[i].low == g->id_low)
            return 1;
    }
    return 0;
}

static void remember_group(struct cr_node_round *round, const quiesce_wire_GroupMembers *g)
{
    if (round->group_count == round->group_capacity) {
        size_t capacity = round->group_capacity > 0 ? round->group_capacity * 2 : 16;
        struct cr_group_id *more = realloc(round->groups, capacity * sizeof(*more));

        if (more == NULL)
            return; /* then it is told again: more bytes, nothing wrong */
        round->groups = more;
        round->group_capacity = capacity;
    }
    round->groups[round->group_count++] = (struct cr_group_id){g->id_high, g->id_low};
}

/* Leaves in LIST only the groups whose members the coordinator has not been told. */
static void keep_new_groups(struct cr_node_round *round, struct cr_wire_list *list)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        quiesce_wire_GroupMembers *g = cr_wire_at(list, quiesce_wire_GroupMembers, i);

        if (group_is_known(round, g))
            continue;
        remember_group(round, g);
        *cr_wire_at(list, quiesce_wire_GroupMembers, kept++) = *g;
    }
    list->count = kept;
}

static void keep_ranges(struct cr_node_ranges *kept, const struct cr_wire_list *list)
{
    kept->count = list->count <= CR_RANGES_MOST ? list->count : 0;
    for (uint32_t i = 0; i < kept->count; i++)
        kept->at[i] = *cr_wire_at(list, quiesce_wire_Range, i);
}

static void keep_calls(struct cr_node_calls *kept, const quiesce_wire_CollectiveReport *report)
{
    kept->count = report->call.count < CR_CALLS_MOST ? report->call.count : CR_CALLS_MOST;
    for (uint32_t i = 0; i < kept->count; i++) {
        kept->at[i] = *cr_wire_at(&report->call, quiesce_wire_Call, i);
        keep_ranges(&kept->members[i], &kept->at[i].member);
    }
    keep_ranges(&kept->waits, &report->waits_for);
    kept->known = 1;
}

void cr_report_forget(struct cr_node_rank *rank)
{
    memset(&rank->calls, 0, sizeof(rank->calls));
}

void cr_report_collectives(struct cr_node *node, struct cr_node_rank *rank)
{
    quiesce_wire_CollectiveReport *report = &node->in.body.collective_report;

    report->rank = rank->rank;
    if (report->finalizing)
        rank->finalizing = 1;
    keep_calls(&rank->calls, report);
    keep_new_groups(&node->round, &report->group);
    node->in.round = node->round.id;
    cr_node_peer_send(node, node->round.owner, &node->in);
}
