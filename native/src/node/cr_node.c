/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Where crnode listens, and when it ends. */
#include "cr_node.h"

#include "cr_fmt.h"
#include "cr_frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ARENA_SIZE (32UL << 20)
#define ARENA_KEPT (256UL << 10) /* more than this goes back to the kernel after a frame */
#define BACKLOG 1024
#define REFUSALS_LOGGED 1000
#define DRAIN_MS 1000
#define LEAVE_RETRY_MS 100
#define PATH_SIZE 512

/* ---- log ---- */

static void log_line(const char *format, va_list args)
{
    struct timespec now;
    struct tm tm;
    char line[1024];
    size_t length;
    int n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    length +=
        (size_t)snprintf(line + length, sizeof(line) - length, ".%03ldZ ", now.tv_nsec / 1000000);
    n = vsnprintf(line + length, sizeof(line) - length - 1, format, args);
    length += n > 0 ? (size_t)n : 0;
    if (length > sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, length) < 0)
        return; /* a full disk does not stop a job's checkpoints */
}

void cr_node_log(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(format, args);
    va_end(args);
}

void cr_node_log_refusal(const char *format, ...)
{
    static unsigned count;
    va_list args;

    if (++count > REFUSALS_LOGGED)
        return;
    va_start(args, format);
    log_line(format, args);
    va_end(args);
    if (count == REFUSALS_LOGGED)
        cr_node_log("further refused connections are not logged");
}

int cr_node_take(struct cr_node *node, struct cr_node_link *link, struct cr_error *err)
{
    if (node->arena.used > ARENA_KEPT)
        cr_arena_reset(&node->arena);
    node->arena.used = 0;
    return cr_frame_next(&link->reader, &node->arena, &node->in, err);
}

/* ---- listening ---- */

static int listen_local(struct cr_node *node, struct cr_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc;

    if (fd < 0)
        return cr_fail(err, errno, "no Unix socket: %s", cr_error_words(errno));
    cr_job_dir_path(node->dir.run, "node.sock", address.sun_path, sizeof(address.sun_path));
    unlink(address.sun_path); /* of a crnode that was killed: we hold node.lock */
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(address.sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0) {
        rc =
            cr_fail(err, errno, "cannot listen on %s: %s", address.sun_path, cr_error_words(errno));
        close(fd);
        return rc;
    }
    return cr_loop_add(&node->loop, &node->local_listener, fd, EPOLLIN, cr_node_local_accept);
}

static void add_address(quiesce_wire_NodeRecord *record, const struct sockaddr *address,
                        socklen_t length)
{
    size_t i = record->address_count;

    if (i < sizeof(record->address) / sizeof(*record->address) &&
        getnameinfo(address, length, record->address[i], sizeof(record->address[i]), NULL, 0,
                    NI_NUMERICHOST) == 0)
        record->address_count++;
}

/* Where others reach us when we listen on every address: the node's own, without those that mean something on a link only. */
static void add_all_addresses(quiesce_wire_NodeRecord *record)
{
    struct ifaddrs *all, *i;

    if (getifaddrs(&all) < 0)
        return;
    for (i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            add_address(record, i->ifa_addr, sizeof(struct sockaddr_in));
        if (i->ifa_addr->sa_family == AF_INET6 &&
            !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr))
            add_address(record, i->ifa_addr, sizeof(struct sockaddr_in6));
    }
    freeifaddrs(all);
}

static int is_everywhere(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    return (address->ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY)) ||
           (address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr));
}

/* Fills the record's addresses, unless KEEP says that they are known, and port from what FD is bound to. */
static int record_address(struct cr_node *node, int fd, int keep)
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof(bound);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&bound;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&bound;

    if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
        return -errno;
    node->record.port = ntohs(bound.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    if (keep)
        return 0;
    node->record.address_count = 0;
    if (is_everywhere(&bound))
        add_all_addresses(&node->record);
    else
        add_address(&node->record, (struct sockaddr *)&bound, length);
    return 0;
}

static int listen_at(const char *name, struct cr_error *err)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int fd, rc;

    if (getaddrinfo(name, "0", &hints, &found) != 0)
        return cr_fail(err, CR_EUSAGE, "%s is not a numeric address to listen on", name);
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        rc = cr_fail(err, errno, "cannot listen on address %s: %s", name, cr_error_words(errno));
        close(fd);
        freeaddrinfo(found);
        return rc;
    }
    freeaddrinfo(found);
    return fd;
}

/*
 * QUIESCE_LISTEN, or else where the record says that others reach us: by whoever started us, or by the crnode whose place we
 * take. One socket serves several addresses only by listening on all.
 */
static int listen_tcp(struct cr_node *node, struct cr_error *err)
{
    const quiesce_wire_NodeRecord *r = &node->record;
    const char *name = getenv("QUIESCE_LISTEN");
    int keep = 0;
    int fd, rc;

    if (name == NULL || name[0] == '\0') {
        name = r->address_count == 1  ? r->address[0]
               : r->address_count > 1 ? "0.0.0.0"
                                      : "127.0.0.1";
        keep = r->address_count > 1;
    }
    fd = listen_at(name, err);
    if (fd < 0)
        return fd;
    rc = record_address(node, fd, keep);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r->address_count; i++)
        cr_node_log("listens on %s port %u", r->address[i], r->port);
    return cr_loop_add(&node->loop, &node->tcp_listener, fd, EPOLLIN, cr_node_peer_accept);
}

/* ---- signals ---- */

static void terminate(struct cr_watch *watch, uint32_t events)
{
    struct cr_node *node = cr_watch_of(watch, struct cr_node, signals);
    struct signalfd_siginfo info;

    (void)events;
    if (read(watch->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    cr_node_log("told to end by pid %u", info.ssi_pid);
    node->leaving = 1;
    cr_round_cancel(node, "crnode was told to end");
}

static int set_signals(struct cr_node *node)
{
    sigset_t end;
    int fd;

    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL);
    fd = signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    return cr_loop_add(&node->loop, &node->signals, fd, EPOLLIN, terminate);
}

/* ---- life ---- */

/* There is one crnode of a job on a node: it holds node.lock. */
static int take_lock(struct cr_node *node, struct cr_error *err)
{
    char path[PATH_SIZE];

    cr_job_dir_path(node->dir.run, "node.lock", path, sizeof(path));
    node->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (node->lock < 0)
        return cr_fail(err, errno, "cannot open %s: %s", path, cr_error_words(errno));
    if (flock(node->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    close(node->lock);
    node->lock = -1;
    return cr_fail(err, CR_EBUSY, "a crnode of this job runs on this node already");
}

int cr_node_open(struct cr_node *node, struct cr_error *err)
{
    int rc;

    node->local_listener.fd = node->tcp_listener.fd = node->signals.fd = -1;
    node->round.arrivals[0].fd = node->round.arrivals[1].fd = -1;
    node->ask.process.fd = node->ask.pipe = -1;
    node->move.process.fd = node->move.pipe = -1;
    rc = take_lock(node, err);
    if (rc < 0)
        return rc;
    rc = cr_job_dir_read_key(&node->dir, node->key, err);
    if (rc < 0)
        return rc;
    rc = cr_arena_create(&node->arena, ARENA_SIZE);
    if (rc == 0)
        rc = cr_loop_create(&node->loop);
    if (rc == 0)
        rc = set_signals(node);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot start: %s", cr_error_words(-rc));
    cr_job_dir_sweep(&node->dir, node->record.host);
    node->idle_since = cr_loop_now_ms();
    cr_node_rank_load(node);
    rc = listen_tcp(node, err);
    if (rc == 0)
        rc = listen_local(node, err);
    if (rc < 0)
        return rc;
    node->record.crnode_pid = (uint32_t)getpid();
    return cr_job_dir_write_node(&node->dir, &node->record, err);
}

/* Programs that end before MPI_Init end their launcher without ever having been ranks. */
static int has_lost_launcher(const struct cr_node *node)
{
    const quiesce_wire_NodeRecord *r = &node->record;

    return r->launcher_pid > 0 && cr_job_dir_start_time((int)r->launcher_pid) != r->launcher_start;
}

/* 1 when nobody needs this crnode any more; otherwise lowers EARLIEST to the time at which that is to be asked again. */
static int is_over(const struct cr_node *node, int64_t now, int64_t *earliest)
{
    int64_t end;

    if (node->round.state != CR_ROUND_NONE)
        return 0;
    if (node->leaving)
        return 1;
    if (node->idle_since == 0 || cr_node_move_runs(node))
        return 0;
    end = node->idle_since + (node->had_ranks ? CR_NODE_LINGER_MS : CR_NODE_EMPTY_MS);
    if (now >= end || (!node->had_ranks && has_lost_launcher(node)))
        return 1;
    if (!node->had_ranks && now + CR_NODE_LOOK_MS < end)
        end = now + CR_NODE_LOOK_MS;
    if (end < *earliest)
        *earliest = end;
    return 0;
}

int cr_node_serve(struct cr_node *node)
{
    int rc = 0;

    while (rc == 0) {
        int64_t now = cr_loop_now_ms();
        int64_t earliest = INT64_MAX;

        cr_node_local_tick(node, now, &earliest);
        cr_node_peer_tick(node, now, &earliest);
        cr_round_tick(node, now, &earliest);
        if (is_over(node, now, &earliest))
            break;
        node->arena.used = 0;
        rc = cr_loop_step(&node->loop, earliest);
    }
    cr_node_move_leave(node);
    cr_node_peer_drain_all(node, DRAIN_MS);
    return rc;
}

/* Nobody may be about to rely on this crnode while its files go: starters hold start.lock until they have connected. */
static int lock_start(const struct cr_node *node)
{
    struct timespec step = {0, LEAVE_RETRY_MS * 1000000L};
    char path[PATH_SIZE];
    int fd;

    cr_job_dir_path(node->dir.run, "start.lock", path, sizeof(path));
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        nanosleep(&step, NULL);
    return fd;
}

void cr_node_close(struct cr_node *node)
{
    char path[PATH_SIZE];
    int lock = lock_start(node);

    cr_loop_close(&node->loop, &node->local_listener);
    if (node->rank_count == 0) {
        cr_job_dir_remove(&node->dir, node->record.host);
        cr_node_log("the job has ended on this node");
    } else {
        cr_job_dir_path(node->dir.run, "node.sock", path, sizeof(path));
        unlink(path);
        cr_node_log("%zu ranks still run; another crnode can take them over", node->rank_count);
    }
    close(lock);
}
