/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Coordinators. Until one has proved the job's key it costs a descriptor and 64 bytes, and that for 5 s. */
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_STEP_S 5
#define KEEPALIVE_COUNT 3
#define UNANSWERED_MS 30000

static void drop(struct cr_node_peer *peer)
{
    struct cr_node *node = peer->node;

    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++) {
        if (node->peers[i] == peer)
            node->peers[i] = NULL;
    }
    cr_loop_close(&node->loop, &peer->watch);
    cr_node_link_close(&peer->link);
    cr_round_peer_gone(node, peer);
    free(peer);
}

/* ---- sending ---- */

void cr_node_peer_send(struct cr_node *node, struct cr_node_peer *peer,
                       const quiesce_wire_Frame *frame)
{
    struct cr_error err = {0};

    (void)node;
    if (peer == NULL || peer->state != CR_PEER_PROVED)
        return;
    if (cr_node_link_send(&peer->link, frame, &err) == 0)
        return;
    /* The loop will see the end of the connection and drop the peer; nobody up the stack has it pulled from under him. */
    cr_node_log("coordinator %s does not take what it is sent: %s", peer->address, err.text);
    shutdown(peer->link.watch.fd, SHUT_RDWR);
}

void cr_node_peer_send_all(struct cr_node *node, const quiesce_wire_Frame *frame)
{
    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++)
        cr_node_peer_send(node, node->peers[i], frame);
}

void cr_node_peer_drain_all(struct cr_node *node, int timeout_ms)
{
    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++) {
        if (node->peers[i] != NULL && node->peers[i]->state == CR_PEER_PROVED)
            cr_node_link_drain(&node->peers[i]->link, timeout_ms);
    }
}

/* ---- commands ---- */

static void pass_targets(struct cr_node *node)
{
    uint32_t number = node->in.body.targets.rank;
    struct cr_node_rank *rank = cr_node_rank_by_number(node, number);

    if (rank != NULL)
        cr_agent_send(node, rank, &node->in);
}

/* Each rank of this node that is named gets a frame with itself. */
static void pass_release(struct cr_node *node)
{
    const struct cr_wire_list all = node->in.body.release.rank;

    for (uint32_t i = 0; i < all.count; i++) {
        struct cr_node_rank *rank = cr_node_rank_by_number(node, *cr_wire_at(&all, uint32_t, i));

        if (rank == NULL)
            continue;
        node->in.body.release.rank = cr_wire_list_of(&rank->rank, 1);
        cr_agent_send(node, rank, &node->in);
    }
}

/* A command that changes a round comes from its owner and names it. */
static int owns_round(const struct cr_node *node, const struct cr_node_peer *peer)
{
    return node->round.state != CR_ROUND_NONE && node->round.owner == peer &&
           node->round.id == node->in.round;
}

static void obey_owner(struct cr_node *node)
{
    switch (node->in.which_body) {
    case quiesce_wire_Frame_targets_tag:
        pass_targets(node);
        break;
    case quiesce_wire_Frame_release_tag:
        pass_release(node);
        break;
    case quiesce_wire_Frame_enter_tag:
        cr_round_enter(node, node->in.body.enter.phase);
        break;
    case quiesce_wire_Frame_cancel_tag:
        /* Who says this has not committed. */
        node->round.sealed = 0;
        cr_round_cancel(node, node->in.body.cancel.reason);
        break;
    case quiesce_wire_Frame_end_tag:
        cr_round_end(node, node->in.body.end.signal);
        break;
    default:
        break;
    }
}

/* Cancel of a round that is over here: the coordinator is told that nobody is stopped. */
static void answer_late_cancel(struct cr_node *node, struct cr_node_peer *peer)
{
    cr_frame_phase_done(&node->out, node->in.round, quiesce_wire_Phase_PHASE_RESUME, 0, NULL, 0);
    cr_node_peer_send(node, peer, &node->out);
}

/* Returns 0, or -ECONNRESET when PEER leaves. */
static int obey(struct cr_node *node, struct cr_node_peer *peer)
{
    switch (node->in.which_body) {
    case quiesce_wire_Frame_query_tag:
        cr_report_status(node);
        cr_node_peer_send(node, peer, &node->out);
        return 0;
    case quiesce_wire_Frame_detach_tag:
        return -ECONNRESET;
    case quiesce_wire_Frame_begin_tag:
        cr_round_begin(node, peer, &node->in);
        return 0;
    case quiesce_wire_Frame_move_tag:
        cr_node_move_order(node);
        return 0;
    default:
        if (owns_round(node, peer))
            obey_owner(node);
        else if (node->in.which_body == quiesce_wire_Frame_cancel_tag)
            answer_late_cancel(node, peer);
        return 0;
    }
}

static void link_ready(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_peer *peer = cr_watch_of(watch, struct cr_node_peer, link.watch);
    struct cr_node *node = peer->node;
    struct cr_error err = {0};
    int rc = cr_node_link_service(&peer->link, events);

    if (rc < 0)
        cr_node_log("coordinator %s has gone", peer->address);
    while (rc == 1) {
        rc = cr_node_take(node, &peer->link, &err);
        if (rc < 0)
            cr_node_log("coordinator %s: %s", peer->address, err.text);
        if (rc == 1)
            rc = obey(node, peer) < 0 ? -ECONNRESET : 1;
    }
    if (rc < 0)
        drop(peer);
}

/* ---- the proof ---- */

/* The key is proved: from here on PEER speaks frames. Returns 0 or -errno. */
static int promote(struct cr_node *node, struct cr_node_peer *peer)
{
    uint8_t proof[CR_AUTH_PROOF];
    int rc;

    rc = cr_node_link_open(&peer->link, &node->loop, cr_loop_release(&node->loop, &peer->watch),
                           link_ready);
    if (rc < 0)
        return rc;
    cr_node_log("coordinator %s has proved the key", peer->address);
    peer->state = CR_PEER_PROVED;
    cr_auth_proof(node->key, peer->greeting, peer->answer, proof);
    rc = cr_node_link_send_bytes(&peer->link, proof, sizeof(proof));
    if (rc < 0)
        return rc;
    cr_report_hello(node);
    return cr_node_link_send(&peer->link, &node->out, NULL);
}

static void unproved_ready(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_peer *peer = cr_watch_of(watch, struct cr_node_peer, watch);
    struct cr_node *node = peer->node;
    ssize_t n = recv(watch->fd, peer->answer + peer->answer_used,
                     sizeof(peer->answer) - peer->answer_used, MSG_DONTWAIT);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        cr_node_log_refusal("refused: %s closed without proving the key", peer->address);
        drop(peer);
        return;
    }
    peer->answer_used += (size_t)n;
    if (peer->answer_used < sizeof(peer->answer))
        return;
    if (!cr_auth_check(node->key, peer->greeting, peer->answer)) {
        cr_node_log_refusal("refused: %s does not know the job's key", peer->address);
        drop(peer);
    } else if (promote(node, peer) < 0) {
        drop(peer);
    }
}

/* ---- arrival ---- */

static void name_address(int fd, char *ret_text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[64] = "?";
    char port[16] = "?";

    if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
        getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret_text, size, "%s port %s", host, port);
}

/* Small messages go at once, and a coordinator whose host died is noticed within half a minute. */
static void set_options(int fd)
{
    static const struct {
        int level, option, value;
    } OPTIONS[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_STEP_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS},
    };

    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(*OPTIONS); i++)
        setsockopt(fd, OPTIONS[i].level, OPTIONS[i].option, &OPTIONS[i].value, sizeof(int));
}

/* When too many have proved nothing, the oldest of them makes room: who knows the key needs only milliseconds. */
static void limit_unproved(struct cr_node *node)
{
    struct cr_node_peer *oldest = NULL;
    int unproved = 0;

    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++) {
        struct cr_node_peer *peer = node->peers[i];

        if (peer == NULL || peer->state == CR_PEER_PROVED)
            continue;
        unproved++;
        if (oldest == NULL || peer->deadline < oldest->deadline)
            oldest = peer;
    }
    if (unproved < CR_NODE_UNPROVED_MAX)
        return;
    cr_node_log_refusal("refused: %s, too many connections", oldest->address);
    drop(oldest);
}

static struct cr_node_peer **free_place(struct cr_node *node)
{
    limit_unproved(node);
    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++) {
        if (node->peers[i] == NULL)
            return &node->peers[i];
    }
    return NULL;
}

static struct cr_node_peer *make_peer(struct cr_node *node, int fd)
{
    struct cr_node_peer *peer = calloc(1, sizeof(*peer));

    if (peer == NULL)
        return NULL;
    peer->node = node;
    peer->watch.fd = -1;
    peer->deadline = cr_loop_now_ms() + CR_NODE_PROOF_MS;
    name_address(fd, peer->address, sizeof(peer->address));
    if (cr_auth_greet(peer->greeting) < 0 ||
        send(fd, peer->greeting, sizeof(peer->greeting), MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)sizeof(peer->greeting) ||
        cr_loop_add(&node->loop, &peer->watch, fd, EPOLLIN, unproved_ready) < 0) {
        free(peer);
        return NULL;
    }
    return peer;
}

void cr_node_peer_accept(struct cr_watch *watch, uint32_t events)
{
    struct cr_node *node = cr_watch_of(watch, struct cr_node, tcp_listener);
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct cr_node_peer **place;
    char address[80];

    (void)events;
    if (fd < 0)
        return;
    set_options(fd);
    place = free_place(node);
    if (place == NULL) {
        name_address(fd, address, sizeof(address));
        cr_node_log_refusal("refused: %s, too many connections", address);
        close(fd);
        return;
    }
    *place = make_peer(node, fd);
    if (*place == NULL)
        close(fd);
}

void cr_node_peer_tick(struct cr_node *node, int64_t now, int64_t *earliest)
{
    for (size_t i = 0; i < CR_NODE_PEERS_MAX; i++) {
        struct cr_node_peer *peer = node->peers[i];

        if (peer == NULL || peer->state == CR_PEER_PROVED)
            continue;
        if (now >= peer->deadline) {
            cr_node_log_refusal("refused: %s has not proved the key in %d s", peer->address,
                                CR_NODE_PROOF_MS / 1000);
            drop(peer);
        } else if (peer->deadline < *earliest) {
            *earliest = peer->deadline;
        }
    }
}
