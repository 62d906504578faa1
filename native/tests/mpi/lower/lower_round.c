/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower_round DIRECTORY PID...: one checkpoint of the ranks PID... into DIRECTORY/rank-N.cr, all
 * phases in step, as crnode and the coordinator would order them; the ranks are killed behind it.
 * For tests of the lower half alone.
 */
#include "cr_arena.h"
#include "cr_fmt.h"
#include "cr_frame.h"
#include "cr_session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS_MAX 16
#define TIMEOUT_MS 20000

struct peer {
    int fd;
    struct cr_frame_reader reader;
    uint8_t received[CR_FRAME_AGENT_MAX];
};

static struct peer peers[PEERS_MAX];
static int peer_count;
static struct cr_arena arena;
static quiesce_wire_Frame frame;
static uint8_t sent[CR_FRAME_AGENT_MAX];

static void check(int rc, const struct cr_error *err, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "lower_round: %s: %s (%d)\n", what, err->text, rc);
    exit(1);
}

static void attach(int pid)
{
    struct peer *p = &peers[peer_count++];
    struct cr_session session;
    struct cr_error err = {0, ""};
    pid_t who;

    check(cr_session_open(&session, &err), &err, "session");
    check(cr_session_wake(&session, pid, NULL, &err), &err, "wake");
    check(cr_session_accept(&session, TIMEOUT_MS, &who, &p->fd, &err), &err, "accept");
    cr_session_close(&session);
    cr_frame_reader_init(&p->reader, p->received, sizeof p->received);
}

static void send_all(const char *what)
{
    struct cr_error err = {0, ""};
    int i;

    for (i = 0; i < peer_count; i++)
        check(cr_frame_send(peers[i].fd, &frame, sent, sizeof sent, &err), &err, what);
}

static void await_done(struct peer *p, quiesce_wire_Phase phase)
{
    struct cr_error err = {0, ""};
    const char *name = cr_frame_phase_name(phase);

    for (;;) {
        const quiesce_wire_RankResult *result;
        int rc;
        cr_arena_reset(&arena);
        rc = cr_frame_receive(p->fd, &p->reader, &arena, TIMEOUT_MS, &frame, &err);
        check(rc == 0 ? cr_fail(&err, CR_ETIMEOUT, "no answer") : rc, &err, name);
        if (frame.which_body != quiesce_wire_Frame_phase_done_tag)
            continue;
        result = cr_wire_at(&frame.body.phase_done.result, quiesce_wire_RankResult, 0);
        if (result->error != 0)
            check(cr_fail(&err, (int)result->error, "%s", result->text), &err, name);
        if (frame.body.phase_done.phase == phase)
            return;
    }
}

static void enter_all(quiesce_wire_Phase phase)
{
    int i;

    cr_frame_enter(&frame, 1, phase);
    send_all(cr_frame_phase_name(phase));
    for (i = 0; i < peer_count; i++)
        await_done(&peers[i], phase);
}

int main(int argc, char **argv)
{
    int i;

    if (argc < 3 || argc - 2 > PEERS_MAX || cr_arena_create(&arena, 1UL << 20) < 0)
        return 2;
    for (i = 2; i < argc; i++)
        attach(atoi(argv[i]));
    memset(&frame, 0, sizeof frame);
    frame.round = 1;
    frame.which_body = quiesce_wire_Frame_begin_tag;
    frame.body.begin.round = 1;
    frame.body.begin.world_size = (uint32_t)peer_count;
    cr_str_copy(frame.body.begin.directory, sizeof frame.body.begin.directory, argv[1]);
    send_all("begin");
    enter_all(quiesce_wire_Phase_PHASE_STOP);
    enter_all(quiesce_wire_Phase_PHASE_DRAIN);
    enter_all(quiesce_wire_Phase_PHASE_DUMP);
    enter_all(quiesce_wire_Phase_PHASE_SEAL);
    cr_frame_end(&frame, 1, SIGKILL);
    send_all("end");
    return 0;
}
