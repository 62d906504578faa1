/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The ranks of this node. Their file is written at each change, so that a crnode that is killed can be replaced. */
#include "cr_frame.h"
#include "cr_node.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 512

struct cr_node_rank *cr_node_rank_by_pid(struct cr_node *node, uint32_t pid)
{
    for (size_t i = 0; i < node->rank_count; i++) {
        if (node->ranks[i]->pid == pid)
            return node->ranks[i];
    }
    return NULL;
}

struct cr_node_rank *cr_node_rank_by_number(struct cr_node *node, uint32_t rank)
{
    for (size_t i = 0; i < node->rank_count; i++) {
        if (node->ranks[i]->rank == rank)
            return node->ranks[i];
    }
    return NULL;
}

/* ---- the file ---- */

static void save(const struct cr_node *node)
{
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
    FILE *f;

    cr_job_dir_path(node->dir.run, "ranks", path, sizeof(path));
    cr_job_dir_path(node->dir.run, "ranks.new", temporary, sizeof(temporary));
    f = fopen(temporary, "we");
    if (f == NULL) {
        cr_node_log("cannot write %s: %s", temporary, strerror(errno));
        return;
    }
    for (size_t i = 0; i < node->rank_count; i++) {
        const struct cr_node_rank *r = node->ranks[i];

        fprintf(f, "%u %u %" PRIu64 " %u %u\n", r->rank, r->pid, r->start, r->generation,
                r->world_size);
    }
    if (fclose(f) != 0 || rename(temporary, path) < 0)
        cr_node_log("cannot write %s: %s", path, strerror(errno));
}

void cr_node_rank_load(struct cr_node *node)
{
    quiesce_wire_RankHello hello = {0};
    char path[PATH_SIZE];
    char line[128];
    uint64_t start;
    uint32_t pid;
    FILE *f;

    cr_job_dir_path(node->dir.run, "ranks", path, sizeof(path));
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        struct cr_error err = {0};

        if (sscanf(line, "%" SCNd32 " %" SCNu32 " %" SCNu64 " %" SCNu32 " %" SCNu32, &hello.rank,
                   &pid, &start, &hello.generation, &hello.world_size) != 5 ||
            cr_job_dir_start_time((int)pid) != start)
            continue;
        if (cr_node_rank_add(node, &hello, pid, &err) == 0)
            cr_node_log("rank %d, pid %u, was registered before", hello.rank, pid);
    }
    if (f != NULL)
        fclose(f);
}

/* ---- coming and going ---- */

static void is_back(struct cr_node *node, uint32_t rank)
{
    size_t i = 0;

    while (i < node->ended_count && node->ended[i] != rank)
        i++;
    if (i < node->ended_count)
        node->ended[i] = node->ended[--node->ended_count];
}

/* Only to say so to who asks for a checkpoint. */
static void has_ended(struct cr_node *node, uint32_t rank)
{
    uint32_t *more;

    is_back(node, rank);
    more = realloc(node->ended, (node->ended_count + 1) * sizeof(*more));
    if (more == NULL)
        return;
    node->ended = more;
    node->ended[node->ended_count++] = rank;
}

static void process_ended(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_rank *rank = cr_watch_of(watch, struct cr_node_rank, process);
    struct cr_node *node = rank->node;

    (void)events;
    cr_node_log("rank %u, pid %u, has ended", rank->rank, rank->pid);
    cr_round_rank_lost(node, rank, "the process has ended");
    has_ended(node, rank->rank);
    cr_node_rank_remove(node, rank);
}

/* A process whose number was used again between its registration and now is told apart by its start time. */
static int watch_process(struct cr_node *node, struct cr_node_rank *rank, struct cr_error *err)
{
    int fd = (int)syscall(SYS_pidfd_open, rank->pid, 0);
    int rc;

    if (fd < 0)
        return cr_fail(err, errno, "rank %u: process %u cannot be watched: %s", rank->rank,
                       rank->pid, cr_error_words(errno));
    rank->start = cr_job_dir_start_time((int)rank->pid);
    rc = cr_loop_add(&node->loop, &rank->process, fd, EPOLLIN, process_ended);
    if (rc < 0)
        close(fd);
    return rc;
}

static int append(struct cr_node *node, struct cr_node_rank *rank)
{
    struct cr_node_rank **more =
        realloc(node->ranks, (node->rank_count + 1) * sizeof(*node->ranks));

    if (more == NULL)
        return -ENOMEM;
    node->ranks = more;
    node->ranks[node->rank_count++] = rank;
    return 0;
}

static int check_hello(struct cr_node *node, const quiesce_wire_RankHello *hello, uint32_t pid,
                       struct cr_error *err)
{
    struct cr_node_rank *other;

    if (hello->rank < 0 || (hello->world_size > 0 && (uint32_t)hello->rank >= hello->world_size))
        return cr_fail(err, CR_EPROTOCOL, "rank %d of %u does not exist", hello->rank,
                       hello->world_size);
    if (node->rank_count > 0 && node->ranks[0]->world_size != hello->world_size)
        return cr_fail(err, CR_EPROTOCOL, "rank %d says that the job has %u ranks, others said %u",
                       hello->rank, hello->world_size, node->ranks[0]->world_size);
    other = cr_node_rank_by_number(node, (uint32_t)hello->rank);
    if (other != NULL && other->pid != pid)
        return cr_fail(err, CR_EPROTOCOL, "rank %d is process %u already", hello->rank, other->pid);
    if (node->rank_count >= CR_NODE_RANKS_MAX)
        return cr_fail(err, CR_EPROTOCOL, "more than %d ranks on a node", CR_NODE_RANKS_MAX);
    return 0;
}

int cr_node_rank_add(struct cr_node *node, const quiesce_wire_RankHello *hello, uint32_t pid,
                     struct cr_error *err)
{
    struct cr_node_rank *rank = cr_node_rank_by_pid(node, pid);
    int rc = check_hello(node, hello, pid, err);

    if (rc < 0)
        return rc;
    if (rank == NULL) {
        rank = calloc(1, sizeof(*rank));
        if (rank == NULL)
            return cr_fail(err, ENOMEM, "no memory for rank %d", hello->rank);
        *rank = (struct cr_node_rank){
            .node = node, .pid = pid, .rank = (uint32_t)hello->rank, .process.fd = -1};
        rc = watch_process(node, rank, err);
        if (rc == 0)
            rc = append(node, rank);
        if (rc < 0) {
            cr_loop_close(&node->loop, &rank->process);
            free(rank);
            return rc;
        }
    }
    rank->rank = (uint32_t)hello->rank;
    rank->generation = hello->generation;
    rank->world_size = hello->world_size;
    node->record.world_size = hello->world_size;
    node->had_ranks = 1;
    node->idle_since = 0;
    is_back(node, rank->rank);
    save(node);
    return 0;
}

void cr_node_rank_remove(struct cr_node *node, struct cr_node_rank *rank)
{
    size_t i = 0;

    while (i < node->rank_count && node->ranks[i] != rank)
        i++;
    if (i < node->rank_count)
        node->ranks[i] = node->ranks[--node->rank_count];
    if (node->rank_count == 0 && node->expected == NULL)
        node->idle_since = cr_loop_now_ms();
    cr_node_link_close(&rank->link);
    cr_loop_close(&node->loop, &rank->process);
    free(rank);
    save(node);
}
