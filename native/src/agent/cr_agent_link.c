/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The agent's connection to whoever asked for a checkpoint. */
#include "cr_agent_parts.h"

#include "cr_agent_state.h"
#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_freeze.h"
#include "cr_session.h"
#include "cr_state_util.h"
#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HIGH_DESCRIPTOR 1000
#define ARENA_SIZE (4UL << 20)
#define REFUSE_TIMEOUT_MS 50
#define AWAIT_STEP_MS 20
#define IDLE_STEP_MS 1
#define REPORT_STEP_MS 4
#define REPORT_AFTER_STEPS 250 /* what threads do in MPI changes without a word */

static uint8_t
    send_buffer[CR_FRAME_MAX]; /* a rank with thousands of communicators reports as many clocks */
static uint8_t held_answers[8192];
static uint8_t receive_buffer[CR_FRAME_AGENT_MAX];

/* Moves FD above the numbers that applications use, close-on-exec. */
static int move_high(int fd)
{
    struct rlimit limit = {1024, 1024};
    int high;

    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    high = (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC,
                       limit.rlim_cur > HIGH_DESCRIPTOR + 16 ? HIGH_DESCRIPTOR
                                                             : (long)limit.rlim_cur - 16);
    if (high < 0)
        return fd;
    cr_sys_close(fd);
    return high;
}

/*
 * Only the same user and root may ask for a checkpoint: the image holds all that the process knows.
 */
static int peer_is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (cr_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return 0;
    return peer.uid == 0 || peer.uid == (uid_t)cr_sys(SYS_geteuid);
}

static int connect_to(int requester, uint32_t value)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = cr_fmt(address.sun_path + 1, sizeof(address.sun_path) - 1, CR_SESSION_NAME,
                           requester, value);
    int fd = (int)cr_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return fd;
    rc =
        (int)cr_sys(SYS_connect, fd, &address, offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (rc < 0 || !peer_is_trusted(fd)) {
        cr_sys_close(fd);
        return rc < 0 ? rc : -EPERM;
    }
    return move_high(fd);
}

static int open_link(struct cr_link *link, int requester, uint32_t value, const char *purpose)
{
    const uint64_t wake = 1UL << (CR_SIGNAL - 1);
    int rc;

    if (link->arena.size == 0 && cr_arena_create(&link->arena, ARENA_SIZE) < 0)
        return -ENOMEM;
    link->requester = requester;
    link->round = 0;
    link->held = 0;
    link->passed = -1;
    link->reported_count = 0;
    link->idle = NULL;
    link->opening = 1;
    link->fd = connect_to(requester, value);
    if (link->fd < 0) {
        link->opening = 0;
        return link->fd;
    }
    cr_frame_reader_init(&link->reader, receive_buffer, sizeof(receive_buffer));
    link->signals = (int)cr_sys(SYS_signalfd4, -1, &wake, 8, SFD_CLOEXEC | SFD_NONBLOCK);
    if (link->signals >= 0)
        link->signals = move_high(link->signals);
    link->opening = 0;
    rc = cr_link_hello(link, purpose);
    if (rc < 0)
        cr_link_close(link);
    return rc;
}

int cr_link_open(struct cr_link *link, int requester, uint32_t value, const char *purpose)
{
    int rc;

    cr_forks_hold();
    rc = open_link(link, requester, value, purpose);
    cr_forks_let();
    return rc;
}

static int send_held(struct cr_link *link)
{
    struct cr_error err = {0};
    size_t size = link->held;

    link->held = 0;
    return size > 0 ? cr_frame_send_encoded(link->fd, held_answers, size, &err) : 0;
}

void cr_link_close(struct cr_link *link)
{
    if (link->fd >= 0)
        send_held(link);
    if (link->fd >= 0)
        cr_sys_close(link->fd);
    if (link->signals >= 0)
        cr_sys_close(link->signals);
    cr_sys_close(cr_link_take_passed(link));
    link->fd = -1;
    link->signals = -1;
    cr_arena_reset(&link->arena);
}

static int is_to_requester(int fd)
{
    static const char prefix[] = "quiesce/";
    struct sockaddr_un peer;
    uint32_t length = sizeof(peer);

    return cr_sys(SYS_getpeername, fd, &peer, &length) == 0 && peer.sun_family == AF_UNIX &&
           length > offsetof(struct sockaddr_un, sun_path) + sizeof(prefix) &&
           peer.sun_path[0] == '\0' && memcmp(peer.sun_path + 1, prefix, sizeof(prefix) - 1) == 0;
}

static int is_wake_up_signalfd(int fd)
{
    char path[40];
    char mask[24];
    const char *at = mask;

    cr_fmt(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    return cr_proc_find(path, "sigmask:", mask, sizeof(mask)) == 0 &&
           cr_parse_u64(&at, 16) == 1UL << (CR_SIGNAL - 1);
}

/* The fork() came while the agent was opening a link: what it had made and not noted yet would stay open for ever. */
static void close_strays(struct cr_link *link)
{
    struct cr_error ignored;
    size_t mark = link->arena.used;
    size_t count = 0;
    int *fds;

    if (cr_proc_list(&link->arena, "/proc/self/fd", &fds, &count, &ignored) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (is_to_requester(fds[i]) || is_wake_up_signalfd(fds[i]))
            cr_sys_close(fds[i]);
    link->arena.used = mark;
}

void cr_link_forked(struct cr_link *link)
{
    if (link->arena.size == 0)
        return;
    link->held = 0;
    if (link->opening)
        close_strays(link);
    link->opening = 0;
    cr_link_close(link);
}

int cr_link_take_passed(struct cr_link *link)
{
    int fd = link->passed;

    link->passed = -1;
    return fd >= 0 ? move_high(fd) : -1;
}

int cr_link_hello(struct cr_link *link, const char *purpose)
{
    static quiesce_wire_Frame frame;
    const struct cr_rank_ops *ops = cr_agent.ops;
    quiesce_wire_RankHello *hello = &frame.body.rank_hello;
    char name[64] = "";

    memset(&frame, 0, sizeof(frame));
    frame.which_body = quiesce_wire_Frame_rank_hello_tag;
    hello->pid = (uint32_t)cr_sys_getpid();
    hello->rank = ops != NULL ? ops->rank : -1;
    hello->world_size = ops != NULL ? (uint32_t)ops->size : 0;
    cr_str_copy(hello->version, sizeof(hello->version), QUIESCE_VERSION);
    hello->generation = cr_agent_state.generation;
    if (cr_sys_read_file("/proc/self/comm", name, sizeof(name)) > 0)
        name[cr_strlen(name) - 1] = '\0';
    cr_str_copy(hello->command, sizeof(hello->command), name);
    cr_str_copy(hello->purpose, sizeof(hello->purpose), purpose);
    hello->restored_sequence = cr_agent.facts.sequence;
    hello->known_pid = (uint32_t)cr_freeze_known_tid(cr_sys_getpid());
    return cr_link_send(link, &frame);
}

int cr_link_send(struct cr_link *link, const quiesce_wire_Frame *frame)
{
    struct cr_error err = {0};
    int rc;

    if (link->fd < 0)
        return 0;
    rc = send_held(link);
    return rc < 0 ? rc : cr_frame_send(link->fd, frame, send_buffer, sizeof(send_buffer), &err);
}

/* In a pause each send wakes somebody, which costs more than many a phase. */
static int hold_back(struct cr_link *link, const quiesce_wire_Frame *frame)
{
    struct cr_error err = {0};
    long size;

    if (link->fd < 0 || !cr_frame_waits(&link->reader, &link->arena, 0))
        return 0;
    size =
        cr_frame_encode(frame, held_answers + link->held, sizeof(held_answers) - link->held, &err);
    if (size < 0)
        return 0;
    link->held += (size_t)size;
    return 1;
}

int cr_link_await(struct cr_link *link)
{
    struct pollfd peer = {link->fd, POLLIN, 0};
    long n = cr_sys(SYS_poll, &peer, 1, AWAIT_STEP_MS);

    return n < 0 && n != -EINTR ? (int)n : 0;
}

int cr_link_cancelled(struct cr_link *link)
{
    struct pollfd peer = {link->fd, POLLIN | POLLRDHUP, 0};

    if (link->fd < 0)
        return 0;
    if (cr_sys(SYS_poll, &peer, 1, 0) > 0) {
        if ((peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
            return 1;
        if (cr_frame_read_with(&link->reader, link->fd, &link->passed) == 0)
            return 1;
    }
    return cr_frame_waits(&link->reader, &link->arena, quiesce_wire_Frame_cancel_tag);
}

int cr_link_done(struct cr_link *link, quiesce_wire_Phase phase, quiesce_wire_RankResult *result,
                 const struct cr_error *err)
{
    static quiesce_wire_Frame frame;
    const struct cr_rank_ops *ops = cr_agent.ops;

    result->rank = ops != NULL ? (uint32_t)ops->rank : 0;
    result->pid = (uint32_t)cr_sys_getpid();
    result->error = err->code;
    if (err->code != 0)
        cr_str_copy(result->text, sizeof(result->text), err->text);
    cr_frame_phase_done(&frame, link->round, phase, 1, result, 1);
    if (hold_back(link, &frame))
        return 0;
    return cr_link_send(link, &frame);
}

/* Empties the signalfd. Returns 1 if the process itself has something to say. */
static int take_signals(struct cr_link *link)
{
    struct signalfd_siginfo info;
    siginfo_t other = {.si_code = SI_QUEUE};
    int own = 0;

    while (cr_sys_read(link->signals, &info, sizeof(info)) == (long)sizeof(info)) {
        other.si_pid = (int)info.ssi_pid;
        other.si_value.sival_int = info.ssi_int;
        if (info.ssi_int == CR_WAKE_REPORT)
            own = 1;
        else if (info.ssi_int != CR_WAKE_SELF)
            cr_link_refuse(link, &other);
    }
    return own;
}

/* How long to wait for a frame, in milliseconds. */
static int patience(const struct cr_link *link)
{
    if (link->idle != NULL && link->idle())
        return IDLE_STEP_MS;
    return cr_agent.in_collectives != 0 ? REPORT_STEP_MS : -1;
}

/* After each REPORT_STEP_MS without a frame. */
static int is_report_due(struct cr_link *link)
{
    if (cr_agent.in_collectives == 0)
        return 0;
    if (cr_agent.report_later == 0 && ++link->quiet_steps < REPORT_AFTER_STEPS)
        return 0;
    link->quiet_steps = 0;
    return 1;
}

int cr_link_receive(struct cr_link *link, quiesce_wire_Frame *ret_frame)
{
    struct cr_error err = {0};
    struct pollfd fds[2] = {{link->fd, POLLIN, 0}, {link->signals, POLLIN, 0}};
    long n;
    int rc;

    cr_arena_reset(&link->arena);
    while ((rc = cr_frame_next(&link->reader, &link->arena, ret_frame, &err)) == 0) {
        rc = send_held(link);
        if (rc < 0)
            return rc;
        n = cr_sys(SYS_poll, fds, 2, patience(link));
        if (n < 0 && n != -EINTR)
            return (int)n;
        if (n == 0 && is_report_due(link))
            return 0;
        /*
         * A new requester that comes right after the end of this round must find it ended, so
         * frames go first.
         */
        if (fds[0].revents == 0 && fds[1].revents != 0)
            cr_sys(SYS_poll, fds, 1, 0);
        if (fds[0].revents == 0 && fds[1].revents != 0 && take_signals(link))
            return 0;
        if (fds[0].revents == 0)
            continue;
        n = cr_frame_read_with(&link->reader, link->fd, &link->passed);
        if (n <= 0 && n != -EAGAIN)
            return n < 0 ? (int)n : -ECONNRESET;
    }
    return rc;
}

/* Closing with something unread would throw away what was sent, too. */
static void await_answer(int fd)
{
    struct pollfd answer = {fd, POLLIN, 0};

    cr_sys(SYS_shutdown, fd, SHUT_WR);
    if (cr_sys(SYS_poll, &answer, 1, REFUSE_TIMEOUT_MS) > 0)
        cr_sys_read(fd, send_buffer, sizeof(send_buffer));
}

static void refuse(const struct cr_link *current, const siginfo_t *info)
{
    struct cr_link other = {.fd = -1, .signals = -1, .passed = -1};
    struct cr_error err = {0};
    quiesce_wire_RankResult result;

    other.round = current->round;
    other.fd = connect_to(info->si_pid, (uint32_t)info->si_value.sival_int);
    if (other.fd < 0)
        return;
    memset(&result, 0, sizeof(result));
    cr_fail(&err, CR_EBUSY, "another checkpoint of this process is in progress; try again later");
    if (cr_link_hello(&other, "round") == 0)
        cr_link_done(&other, quiesce_wire_Phase_PHASE_IDLE, &result, &err);
    await_answer(other.fd);
    cr_sys_close(other.fd);
}

void cr_link_refuse(const struct cr_link *current, const siginfo_t *info)
{
    cr_forks_hold();
    refuse(current, info);
    cr_forks_let();
}
