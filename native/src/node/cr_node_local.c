/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The Unix socket: a rank says who it is, or what it wants, is answered, and closes. */
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void drop(struct cr_node_local *local)
{
    struct cr_node *node = local->node;

    for (size_t i = 0; i < CR_NODE_LOCALS_MAX; i++) {
        if (node->locals[i] == local)
            node->locals[i] = NULL;
    }
    cr_node_link_close(&local->link);
    free(local);
}

/* Takes the rank into the table and answers. The coordinators that are there learn about it. */
static int take_hello(struct cr_node *node, struct cr_node_local *local)
{
    const quiesce_wire_RankHello *hello = &node->in.body.rank_hello;
    struct cr_node_rank *rank;
    struct cr_error err = {0};

    if (node->in.which_body != quiesce_wire_Frame_rank_hello_tag)
        return cr_fail(NULL, CR_EPROTOCOL, "no hello");
    if (strcmp(hello->purpose, "leave") == 0) {
        rank = cr_node_rank_by_pid(node, local->pid);
        if (rank != NULL)
            rank->finalizing = 1;
    } else if (cr_node_rank_add(node, hello, local->pid, &err) < 0) {
        cr_node_log("registration of pid %u refused: %s", local->pid, err.text);
        return -err.code;
    } else {
        cr_node_log("rank %d of %u registered, pid %u", hello->rank, hello->world_size, local->pid);
    }
    cr_report_hello(node);
    cr_node_link_send(&local->link, &node->out, NULL);
    cr_node_peer_send_all(node, &node->out);
    return 0;
}

static int take_request(struct cr_node *node, struct cr_node_local *local)
{
    const struct cr_node_rank *rank = cr_node_rank_by_pid(node, local->pid);

    if (rank == NULL) {
        cr_node_log_refusal("refused: pid %u, which is no rank, asks for a checkpoint", local->pid);
        return -CR_EPROTOCOL;
    }
    cr_node_ask_answer(node, rank);
    return cr_node_link_send(&local->link, &node->out, NULL);
}

static int take_frame(struct cr_node *node, struct cr_node_local *local)
{
    return node->in.which_body == quiesce_wire_Frame_checkpoint_request_tag
               ? take_request(node, local)
               : take_hello(node, local);
}

static void ready(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_local *local = cr_watch_of(watch, struct cr_node_local, link.watch);
    struct cr_node *node = local->node;
    int rc = cr_node_link_service(&local->link, events);

    while (rc == 1) {
        rc = cr_node_take(node, &local->link, NULL);
        if (rc == 1)
            rc = take_frame(node, local) < 0 ? -EPROTO : 1;
    }
    if (rc < 0)
        drop(local);
}

/* Whoever is not of our user (or root) is closed without a word. Returns the peer's pid, or 0. */
static uint32_t check_peer(int fd)
{
    struct ucred who;
    socklen_t size = sizeof(who);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return 0;
    if (who.uid != geteuid() && who.uid != 0) {
        cr_node_log_refusal("refused: local connection of user %u, pid %d", (unsigned)who.uid,
                            (int)who.pid);
        return 0;
    }
    return who.pid > 0 ? (uint32_t)who.pid : 0;
}

/* ---- processes that may become ranks ---- */

static void expected_ended(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_expected *gone = cr_watch_of(watch, struct cr_node_expected, process);
    struct cr_node *node = gone->node;
    struct cr_node_expected **at = &node->expected;

    (void)events;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    cr_loop_close(&node->loop, &gone->process);
    free(gone);
    if (node->expected == NULL && node->rank_count == 0)
        node->idle_since = cr_loop_now_ms();
}

/* Stays as long as process PID lives. */
static void expect(struct cr_node *node, uint32_t pid)
{
    struct cr_node_expected *one = node->expected;
    int fd;

    while (one != NULL && one->pid != pid)
        one = one->next;
    if (one != NULL)
        return;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    one = fd >= 0 ? calloc(1, sizeof(*one)) : NULL;
    if (one == NULL || cr_loop_add(&node->loop, &one->process, fd, EPOLLIN, expected_ended) < 0) {
        if (fd >= 0)
            close(fd);
        free(one);
        return;
    }
    one->node = node;
    one->pid = pid;
    one->next = node->expected;
    node->expected = one;
    node->idle_since = 0;
}

/* ---- arrival ---- */

static struct cr_node_local **free_place(struct cr_node *node)
{
    for (size_t i = 0; i < CR_NODE_LOCALS_MAX; i++) {
        if (node->locals[i] == NULL)
            return &node->locals[i];
    }
    return NULL;
}

void cr_node_local_accept(struct cr_watch *watch, uint32_t events)
{
    struct cr_node *node = cr_watch_of(watch, struct cr_node, local_listener);
    struct cr_node_local **place = free_place(node);
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct cr_node_local *local;
    uint32_t pid;

    (void)events;
    if (fd < 0)
        return;
    pid = check_peer(fd);
    if (pid > 0)
        expect(node, pid);
    local = pid > 0 && place != NULL ? calloc(1, sizeof(*local)) : NULL;
    if (local == NULL) {
        close(fd);
        return;
    }
    local->node = node;
    local->pid = pid;
    local->deadline = cr_loop_now_ms() + CR_NODE_REGISTER_MS;
    if (cr_node_link_open(&local->link, &node->loop, fd, ready) < 0) {
        free(local);
        return;
    }
    *place = local;
}

void cr_node_local_tick(struct cr_node *node, int64_t now, int64_t *earliest)
{
    for (size_t i = 0; i < CR_NODE_LOCALS_MAX; i++) {
        struct cr_node_local *local = node->locals[i];

        if (local == NULL)
            continue;
        if (now >= local->deadline)
            drop(local);
        else if (local->deadline < *earliest)
            *earliest = local->deadline;
    }
}
