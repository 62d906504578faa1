/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_single.h"

#include "cr_arena.h"
#include "cr_fmt.h"
#include "cr_frame.h"
#include "cr_session.h"
#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000
#define CONNECT_STEP_MS 50
#define CANCEL_TIMEOUT_NS (30LL * 1000000000)
#define ARENA_SIZE (1UL << 20)

struct talk {
    const struct cr_single_options *options;
    int fd;
    int cancel_fd;
    int64_t deadline; /* ns; 0: none */
    int owed;         /* phases that were asked for and are not answered */
    struct cr_frame_reader reader;
    struct cr_arena arena;
    uint8_t received[CR_FRAME_AGENT_MAX];
    uint8_t sent[CR_FRAME_AGENT_MAX];
    quiesce_wire_Frame frame;
};

static int64_t now(void)
{
    return cr_sys_clock_ns(CLOCK_MONOTONIC);
}

static int millis_left(const struct talk *t)
{
    int64_t left = t->deadline != 0 ? (t->deadline - now()) / 1000000 + 1 : -1;

    return t->deadline != 0 && left < 0 ? 0 : (int)left;
}

/* A peer that has hung up may have said why: the next receive tells. */
static int is_hung_up(int rc, struct cr_error *err)
{
    if (rc != -EPIPE && rc != -ECONNRESET)
        return 0;
    *err = (struct cr_error){0};
    return 1;
}

static int send_frame(struct talk *t, struct cr_error *err)
{
    int rc = cr_frame_send(t->fd, &t->frame, t->sent, sizeof(t->sent), err);

    return is_hung_up(rc, err) ? 0 : rc;
}

/* Waits for bytes of the agent. 0, or a negative code if the time is over or the user cancels. */
static int await_bytes(struct talk *t, struct cr_error *err)
{
    struct pollfd fds[2] = {{t->fd, POLLIN, 0}, {t->cancel_fd, POLLIN, 0}};
    int n;

    do
        n = poll(fds, 2, millis_left(t));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return cr_fail(err, errno, "poll: %s", strerror(errno));
    if (n == 0)
        return cr_fail(err, CR_ETIMEOUT, "process %d did not answer in time; it runs on",
                       t->options->pid);
    if (fds[1].revents != 0)
        return cr_fail(err, CR_ECANCELLED, "interrupted; process %d runs on", t->options->pid);
    return 0;
}

static int receive(struct talk *t, struct cr_error *err)
{
    int rc;
    long n;

    cr_arena_reset(&t->arena);
    while ((rc = cr_frame_next(&t->reader, &t->arena, &t->frame, err)) == 0) {
        rc = await_bytes(t, err);
        if (rc < 0)
            return rc;
        n = cr_frame_read(&t->reader, t->fd);
        if (n == 0 || n == -ECONNRESET)
            return cr_fail(err, CR_ERANKLOST, "process %d ended during the checkpoint",
                           t->options->pid);
        if (n < 0 && n != -EAGAIN && n != -EINTR)
            return cr_fail(err, (int)-n, "connection to process %d: %s", t->options->pid,
                           cr_error_words((int)-n));
    }
    return rc < 0 ? rc : 0;
}

/* Waits until PHASE is done; the agent's own words become the error if it failed. */
static int await_done(struct talk *t, quiesce_wire_Phase phase, quiesce_wire_RankResult *ret_result,
                      struct cr_error *err)
{
    for (;;) {
        const quiesce_wire_PhaseDone *done = &t->frame.body.phase_done;
        int rc = receive(t, err);
        if (rc < 0)
            return rc;
        if (t->frame.which_body != quiesce_wire_Frame_phase_done_tag || done->result.count == 0)
            continue;
        t->owed--;
        *ret_result = *cr_wire_at(&done->result, quiesce_wire_RankResult, 0);
        if (ret_result->error != 0)
            return cr_fail(err, ret_result->error, "%s", ret_result->text);
        if (done->phase == phase)
            return 0;
    }
}

static int finish(struct talk *t, quiesce_wire_Phase phase, quiesce_wire_RankResult *ret_result,
                  struct cr_error *err)
{
    if (t->options->progress != NULL)
        t->options->progress(cr_frame_phase_name(phase), t->options->argument);
    return await_done(t, phase, ret_result, err);
}

static int enter(struct talk *t, quiesce_wire_Phase phase, quiesce_wire_RankResult *ret_result,
                 struct cr_error *err)
{
    int rc;

    cr_frame_enter(&t->frame, 1, phase);
    t->owed++;
    rc = send_frame(t, err);
    return rc < 0 ? rc : finish(t, phase, ret_result, err);
}

/*
 * Asks for COUNT phases at once, so that the process does not stand still while words are
 * exchanged. After one that fails the agent has resumed, and refuses or passes over the others.
 */
static int ask(struct talk *t, const quiesce_wire_Phase *phases, size_t count, struct cr_error *err)
{
    size_t size = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        long n;
        cr_frame_enter(&t->frame, 1, phases[i]);
        n = cr_frame_encode(&t->frame, t->sent + size, sizeof(t->sent) - size, err);
        if (n < 0)
            return (int)n;
        size += (size_t)n;
    }
    t->owed += (int)count;
    rc = cr_frame_send_encoded(t->fd, t->sent, size, err);
    return is_hung_up(rc, err) ? 0 : rc;
}

static int begin(struct talk *t, struct cr_error *err)
{
    quiesce_wire_RankResult result;
    quiesce_wire_Begin *b = &t->frame.body.begin;
    int rc;

    memset(&t->frame, 0, sizeof(t->frame));
    t->frame.round = 1;
    t->frame.which_body = quiesce_wire_Frame_begin_tag;
    b->round = 1;
    b->durable = t->options->durable != 0;
    b->world_size = 1;
    if (!t->options->dry_run)
        cr_str_copy(b->file, sizeof(b->file), t->options->file);
    t->owed = 1;
    rc = send_frame(t, err);
    return rc < 0 ? rc : await_done(t, quiesce_wire_Phase_PHASE_COLLECTIVES, &result, err);
}

/* A process that is to be killed or stopped does not run a step beyond its image. */
static int stays_stopped(const struct talk *t)
{
    return t->options->early || t->options->signal == SIGKILL || t->options->signal == SIGSTOP;
}

/* From the stop until the process goes on, if it shall. */
static int run_pause(struct talk *t, struct cr_single_result *r, struct cr_error *err)
{
    static const quiesce_wire_Phase phases[] = {quiesce_wire_Phase_PHASE_STOP,
                                                quiesce_wire_Phase_PHASE_DUMP,
                                                quiesce_wire_Phase_PHASE_RESUME};
    quiesce_wire_RankResult result;
    int64_t stopped_at = now();
    int rc = ask(t, phases, stays_stopped(t) ? 2 : 3, err);

    if (rc == 0)
        rc = finish(t, quiesce_wire_Phase_PHASE_STOP, &result, err);
    if (rc < 0)
        return rc;
    r->stop_micros = result.micros;
    rc = finish(t, quiesce_wire_Phase_PHASE_DUMP, &result, err);
    if (rc < 0)
        return rc;
    r->dump_micros = result.micros;
    r->data_bytes = result.bytes;
    if (!stays_stopped(t))
        rc = finish(t, quiesce_wire_Phase_PHASE_RESUME, &result, err);
    r->pause_micros = (uint64_t)(now() - stopped_at) / 1000;
    return rc;
}

static int run_dry(struct talk *t, struct cr_single_result *r, struct cr_error *err)
{
    quiesce_wire_RankResult result;
    int64_t stopped_at = now();
    int rc = enter(t, quiesce_wire_Phase_PHASE_STOP, &result, err);

    if (rc < 0)
        return rc;
    r->stop_micros = result.micros;
    rc = enter(t, quiesce_wire_Phase_PHASE_RESUME, &result, err);
    r->pause_micros = (uint64_t)(now() - stopped_at) / 1000;
    return rc;
}

static int run_phases(struct talk *t, struct cr_single_result *r, struct cr_error *err)
{
    quiesce_wire_RankResult result;
    int rc;

    if (t->options->dry_run)
        return run_dry(t, r, err);
    rc = run_pause(t, r, err);
    if (rc == 0)
        rc = enter(t, quiesce_wire_Phase_PHASE_SEAL, &result, err);
    if (rc < 0)
        return rc;
    r->seal_micros = result.micros;
    r->file_bytes = result.bytes;
    r->digest_low = result.digest_low;
    r->digest_high = result.digest_high;
    return t->options->commit != NULL ? t->options->commit(t->options->commit_argument, err) : 0;
}

static int end(struct talk *t, struct cr_error *err)
{
    cr_frame_end(&t->frame, 1, t->options->dry_run ? 0 : t->options->signal);
    return send_frame(t, err);
}

/* Waits until nothing is left; the agent does the same when the connection ends. */
static void cancel(struct talk *t)
{
    struct cr_error ignored;
    quiesce_wire_RankResult result;
    int rc;

    t->cancel_fd = -1;
    t->deadline = now() + CANCEL_TIMEOUT_NS;
    cr_frame_cancel(&t->frame, 1, "the requester gave up");
    t->owed++;
    rc = send_frame(t, &ignored);
    while (rc == 0 && t->owed > 0) {
        int before = t->owed;
        await_done(t, quiesce_wire_Phase_PHASE_RESUME, &result, &ignored);
        rc = t->owed < before ? 0 : -ECONNRESET;
    }
}

/* Between two looks at the agent's socket: has the user had enough? */
static int check_patience(const struct talk *t, int64_t deadline, struct cr_error *err)
{
    struct pollfd cancel = {t->cancel_fd, POLLIN, 0};

    if (poll(&cancel, 1, 0) > 0 && cancel.revents != 0)
        return cr_fail(err, CR_ECANCELLED, "interrupted; process %d runs on", t->options->pid);
    if (now() > deadline)
        return cr_fail(err, CR_ETIMEOUT,
                       "the checkpoint agent of process %d does not answer (is the process "
                       "stopped?)",
                       t->options->pid);
    return 0;
}

static int connect_agent(struct talk *t, struct cr_error *err)
{
    struct cr_session session;
    int64_t deadline = now() + CONNECT_TIMEOUT_MS * 1000000LL;
    pid_t pid = -1;
    int rc = cr_session_open(&session, err);

    if (rc < 0)
        return rc;
    if (t->deadline != 0 && t->deadline < deadline)
        deadline = t->deadline;
    rc = cr_session_wake(&session, t->options->pid, err);
    while (rc == 0) {
        rc = cr_session_accept(&session, CONNECT_STEP_MS, &pid, &t->fd, err);
        if (rc == 0 && (pid == t->options->pid || pid == 0 || session.foreign_listener >= 0))
            break;
        if (rc == 0)
            close(t->fd);
        if (rc == -EAGAIN)
            rc = check_patience(t, deadline, err);
    }
    cr_session_close(&session);
    return rc;
}

int cr_single_checkpoint(const struct cr_single_options *options,
                         struct cr_single_result *ret_result, struct cr_error *err)
{
    static struct talk talk;
    struct talk *t = &talk;
    int rc;

    memset(ret_result, 0, sizeof(*ret_result));
    t->options = options;
    t->cancel_fd = options->cancel_fd;
    t->deadline = options->timeout_ms > 0 ? now() + options->timeout_ms * 1000000LL : 0;
    rc = cr_arena_create(&t->arena, ARENA_SIZE);
    if (rc < 0)
        return cr_fail(err, -rc, "no memory");
    cr_frame_reader_init(&t->reader, t->received, sizeof(t->received));
    rc = connect_agent(t, err);
    if (rc < 0)
        goto out_arena;
    rc = begin(t, err);
    if (rc == 0)
        rc = run_phases(t, ret_result, err);
    if (rc == 0)
        rc = end(t, err);
    else
        cancel(t);
    close(t->fd);
out_arena:
    cr_arena_destroy(&t->arena);
    return rc;
}
