/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. How a round ends: by End, by Cancel, or because its coordinator has gone. */
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void cr_round_forget(struct cr_node *node)
{
    cr_agent_close_all(node);
    node->round.state = CR_ROUND_NONE;
    node->round.owner = NULL;
    node->round.group_count = 0;
    node->round.begin.directory[0] = '\0';
}

/* Agents that live remove their images themselves. */
static void unlink_image(int directory, uint32_t rank)
{
    static const char *const SUFFIXES[] = {"", ".partial"};
    char name[64];

    for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(*SUFFIXES); i++) {
        cr_fmt(name, sizeof(name), "rank-%u.cr%s", rank, SUFFIXES[i]);
        unlinkat(directory, name, 0);
    }
}

/* Opens the round's directory if it is one that is being written; -1 otherwise. That of a node keeps its name when it is committed. */
static int open_partial(const struct cr_node *node)
{
    static const char SUFFIX[] = ".partial";
    const char *path = node->round.begin.directory;
    size_t length = strlen(path);

    if (node->round.begin.node_local
            ? node->round.sealed
            : length < sizeof(SUFFIX) || strcmp(path + length - (sizeof(SUFFIX) - 1), SUFFIX) != 0)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void cr_round_remove_image(struct cr_node *node, const struct cr_node_rank *rank)
{
    int directory = open_partial(node);

    if (directory < 0)
        return;
    unlink_image(directory, rank->rank);
    close(directory);
}

void cr_round_finish_cancel(struct cr_node *node)
{
    struct cr_node_round *round = &node->round;
    int directory = open_partial(node);

    if (directory >= 0) {
        for (size_t i = 0; i < node->rank_count; i++)
            unlink_image(directory, node->ranks[i]->rank);
        close(directory);
        /* Fails while another node, or the coordinator, still has something in it. */
        rmdir(round->begin.directory);
    }
    cr_node_log("round %llu is cancelled, all ranks go on", (unsigned long long)round->id);
    cr_frame_phase_done(&node->out, round->id, quiesce_wire_Phase_PHASE_RESUME, cr_round_size(node),
                        NULL, 0);
    cr_node_peer_send(node, round->owner, &node->out);
    cr_round_forget(node);
}

void cr_round_cancel(struct cr_node *node, const char *reason)
{
    struct cr_node_round *round = &node->round;

    if (!cr_round_is_active(node) || round->state == CR_ROUND_CANCELLING)
        return;
    cr_node_log("round %llu is cancelled: %s", (unsigned long long)round->id, reason);
    round->state = CR_ROUND_CANCELLING;
    round->deadline = cr_loop_now_ms() + CR_NODE_CANCEL_MS;
    cr_agent_close_session(node);
    cr_frame_cancel(&node->out, round->id, reason);
    for (size_t i = 0; i < node->rank_count; i++) {
        struct cr_node_rank *rank = node->ranks[i];

        if (!cr_rank_takes_part(rank))
            continue;
        rank->since = cr_loop_now_ms();
        rank->phase = quiesce_wire_Phase_PHASE_RESUME;
        rank->state = cr_node_link_is_open(&rank->link) ? CR_RANK_BUSY : CR_RANK_GONE;
        cr_agent_send(node, rank, &node->out);
    }
    cr_round_progress(node);
}

static void kill_rank(struct cr_node_rank *rank, int signal)
{
    if (syscall(SYS_pidfd_send_signal, rank->process.fd, signal, NULL, 0) < 0 && errno != ESRCH)
        cr_node_log("rank %u, pid %u: signal %d not sent: %s", rank->rank, rank->pid, signal,
                    strerror(errno));
}

void cr_round_end(struct cr_node *node, int signal)
{
    if (!node->round.sealed) {
        cr_round_cancel(node, "the coordinator has ended the round before its images were sealed");
        return;
    }
    cr_fault("node:before-end");
    /* The agents need not send it as well. */
    cr_frame_end(&node->out, node->round.id, 0);
    for (size_t i = 0; i < node->rank_count; i++) {
        if (signal > 0)
            kill_rank(node->ranks[i], signal);
        cr_agent_send(node, node->ranks[i], &node->out);
    }
    cr_round_forget(node);
}

void cr_round_peer_gone(struct cr_node *node, struct cr_node_peer *peer)
{
    if (!cr_round_is_active(node) || node->round.owner != peer)
        return;
    node->round.owner = NULL;
    /* Once it was told that all is sealed it may have committed: then the images are not ours to remove. */
    if (node->round.sealed)
        cr_round_forget(node);
    else
        cr_round_cancel(node, "the coordinator has gone");
}
