/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rank without an application: registers with crnode, is woken by the checkpoint signal, answers the phases as libcr's agent
 * does, and misbehaves as it is told. Prints one word per event on standard output.
 *     fake_agent SOCKET RANK WORLD [--fail PHASE=CODE] [--die PHASE] [--close PHASE] [--hang PHASE] [--mpi] [--no-register]
 */
#include "cr_fmt.h"
#include "cr_frame.h"
#include "cr_session.h"
#include "cr_sys.h"
#include "cr_wire_list.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct agent {
    const char *socket;
    int rank, world;
    int fail_phase, fail_code, die_phase, close_phase, hang_phase;
    int mpi, no_register;
    int fd;
    int stopped, sealed;
    uint64_t round;
    uint64_t releases;
    uint64_t target;
    quiesce_wire_Begin begin;
    struct cr_frame_reader reader;
    struct cr_arena arena;
};

static uint8_t in_buffer[CR_FRAME_AGENT_MAX];
static uint8_t out_buffer[CR_FRAME_AGENT_MAX];
static quiesce_wire_Frame in, out;

static void say(const char *event)
{
    printf("%s\n", event);
    fflush(stdout);
}

static int phase_of(const char *name)
{
    for (int p = 0; p <= quiesce_wire_Phase_PHASE_COMMIT; p++) {
        const char *phase = cr_frame_phase_name((quiesce_wire_Phase)p);

        if (strncmp(name, phase, strlen(phase)) == 0)
            return p;
    }
    fprintf(stderr, "no phase %s\n", name);
    exit(2);
}

static void parse(int argc, char **argv, struct agent *a)
{
    a->socket = argv[1];
    a->rank = atoi(argv[2]);
    a->world = atoi(argv[3]);
    a->fail_phase = a->die_phase = a->close_phase = a->hang_phase = -1;
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--mpi") == 0)
            a->mpi = 1;
        else if (strcmp(argv[i], "--no-register") == 0)
            a->no_register = 1;
        else if (i + 1 < argc && strcmp(argv[i], "--fail") == 0) {
            a->fail_phase = phase_of(argv[++i]);
            a->fail_code = atoi(strchr(argv[i], '=') + 1);
        } else if (i + 1 < argc && strcmp(argv[i], "--die") == 0)
            a->die_phase = phase_of(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--close") == 0)
            a->close_phase = phase_of(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--hang") == 0)
            a->hang_phase = phase_of(argv[++i]);
    }
}

static void transmit(struct agent *a)
{
    cr_frame_send(a->fd, &out, out_buffer, sizeof(out_buffer), NULL);
}

static void hello(struct agent *a, const char *purpose)
{
    quiesce_wire_RankHello *h = &out.body.rank_hello;

    memset(&out, 0, sizeof(out));
    out.which_body = quiesce_wire_Frame_rank_hello_tag;
    h->pid = (uint32_t)getpid();
    h->rank = a->rank;
    h->world_size = (uint32_t)a->world;
    cr_str_copy(h->purpose, sizeof(h->purpose), purpose);
    transmit(a);
}

static int connect_to(const struct sockaddr_un *address, socklen_t length)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, length) == 0)
        return fd;
    close(fd);
    return -1;
}

static void register_rank(struct agent *a)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    cr_str_copy(address.sun_path, sizeof(address.sun_path), a->socket);
    a->fd = connect_to(&address, sizeof(address));
    cr_frame_reader_init(&a->reader, in_buffer, sizeof(in_buffer));
    hello(a, "register");
    if (a->fd < 0 || cr_frame_receive(a->fd, &a->reader, &a->arena, 5000, &in, NULL) != 1 ||
        in.which_body != quiesce_wire_Frame_node_hello_tag)
        say("unregistered");
    else
        say("registered");
    close(a->fd);
}

/* ---- a round ---- */

static void image_path(struct agent *a, const char *suffix, char *ret, size_t size)
{
    cr_fmt(ret, size, "%s/rank-%d.cr%s", a->begin.directory, a->rank, suffix);
}

static void write_image(struct agent *a)
{
    char path[4200];
    int fd;

    image_path(a, ".partial", path, sizeof(path));
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "image", 5) != 5)
        say("unwritten");
    close(fd);
}

static void seal_image(struct agent *a)
{
    char from[4200], to[4200];

    image_path(a, ".partial", from, sizeof(from));
    image_path(a, "", to, sizeof(to));
    rename(from, to);
    a->sealed = 1;
}

static void resume(struct agent *a, int remove)
{
    char path[4200];

    a->stopped = 0;
    if (!remove)
        return;
    image_path(a, ".partial", path, sizeof(path));
    unlink(path);
    image_path(a, "", path, sizeof(path));
    unlink(path);
}

static void report(struct agent *a)
{
    static quiesce_wire_GroupClock clocks[2];
    static quiesce_wire_GroupMembers group;
    static quiesce_wire_Range world, waits;
    static quiesce_wire_Call call;
    quiesce_wire_CollectiveReport *r = &out.body.collective_report;

    memset(&out, 0, sizeof(out));
    out.round = a->round;
    out.which_body = quiesce_wire_Frame_collective_report_tag;
    clocks[0] = (quiesce_wire_GroupClock){7, 11, 5 + (uint64_t)a->rank % 2};
    if (a->target > clocks[0].sequence)
        clocks[0].sequence = a->target;
    clocks[1] = (quiesce_wire_GroupClock){8, 12, 3};
    world = (quiesce_wire_Range){0, (uint32_t)a->world - 1};
    waits = (quiesce_wire_Range){0, 0};
    group.id_high = 7;
    group.id_low = 11;
    group.member = cr_wire_list_of(&world, 1);
    r->rank = (uint32_t)a->rank;
    r->parked = true;
    r->releases_used = a->releases;
    r->clock = cr_wire_list_of(clocks, 2);
    r->waits_for = cr_wire_list_of(&waits, a->rank == 1 ? 1 : 0);
    r->group = cr_wire_list_of(&group, 1);
    call = (quiesce_wire_Call){.name = "MPI_Barrier", .id_high = 7, .id_low = 11, .held = true};
    call.member = cr_wire_list_of(&world, 1);
    r->call = cr_wire_list_of(&call, 1);
    transmit(a);
}

static void answer(struct agent *a, quiesce_wire_Phase phase)
{
    quiesce_wire_RankResult result;
    struct cr_error err = {0};

    if ((int)phase == a->fail_phase)
        cr_fail(&err, a->fail_code, "rank %d refuses in %s", a->rank, cr_frame_phase_name(phase));
    cr_frame_result(&result, (uint32_t)a->rank, (uint32_t)getpid(), &err);
    result.micros = 100 + (uint64_t)a->rank;
    if (phase == quiesce_wire_Phase_PHASE_DUMP || phase == quiesce_wire_Phase_PHASE_SEAL)
        result.bytes = 5;
    if (phase == quiesce_wire_Phase_PHASE_SEAL)
        cr_fmt(result.file, sizeof(result.file), "rank-%d.cr", a->rank);
    cr_frame_phase_done(&out, a->round, phase, 1, &result, 1);
    transmit(a);
}

/* Misbehaves if it was told to do so in PHASE; does not return then. 1: the connection is closed. */
static int misbehave(struct agent *a, quiesce_wire_Phase phase)
{
    if ((int)phase == a->die_phase)
        raise(SIGKILL);
    if ((int)phase == a->hang_phase)
        say("hanging");
    return (int)phase == a->close_phase;
}

static int enter(struct agent *a, quiesce_wire_Phase phase)
{
    say(cr_frame_phase_name(phase));
    if (phase == quiesce_wire_Phase_PHASE_STOP)
        a->stopped = 1;
    if (phase == quiesce_wire_Phase_PHASE_DUMP)
        write_image(a);
    if (misbehave(a, phase))
        return 0;
    if ((int)phase == a->hang_phase)
        return 1;
    if (phase == quiesce_wire_Phase_PHASE_RESUME)
        a->stopped = 0;
    if (phase == quiesce_wire_Phase_PHASE_SEAL)
        seal_image(a);
    if (phase == quiesce_wire_Phase_PHASE_DUMP && a->begin.writers == 1)
        usleep(20000); /* so that a test sees overlapping writers */
    if (phase == quiesce_wire_Phase_PHASE_DUMP)
        say("DUMPED");
    answer(a, phase);
    return 1;
}

static int begin(struct agent *a)
{
    a->round = in.round;
    a->begin = in.body.begin;
    a->sealed = 0;
    say("BEGIN");
    if (misbehave(a, quiesce_wire_Phase_PHASE_COLLECTIVES))
        return 0;
    if (a->mpi)
        report(a);
    else if (a->hang_phase != quiesce_wire_Phase_PHASE_COLLECTIVES)
        answer(a, quiesce_wire_Phase_PHASE_COLLECTIVES);
    return 1;
}

/* Returns 0 when the round is over. */
static int obey(struct agent *a)
{
    switch (in.which_body) {
    case quiesce_wire_Frame_begin_tag:
        return begin(a);
    case quiesce_wire_Frame_enter_tag:
        return enter(a, in.body.enter.phase);
    case quiesce_wire_Frame_cancel_tag:
        resume(a, 1);
        say("CANCELLED");
        cr_frame_phase_done(&out, a->round, quiesce_wire_Phase_PHASE_RESUME, 1, NULL, 0);
        transmit(a);
        return 1;
    case quiesce_wire_Frame_targets_tag:
        a->target = cr_wire_at(&in.body.targets.clock, quiesce_wire_GroupClock, 0)->sequence;
        say("TARGETS");
        report(a);
        return 1;
    case quiesce_wire_Frame_release_tag:
        a->releases += in.body.release.rank.count;
        say("RELEASE");
        report(a);
        return 1;
    case quiesce_wire_Frame_end_tag:
        say("END");
        return 0;
    default:
        say("UNEXPECTED");
        return 1;
    }
}

static void take_part(struct agent *a, int requester, unsigned value)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = cr_fmt(address.sun_path + 1, sizeof(address.sun_path) - 1, CR_SESSION_NAME,
                           requester, value);
    int rc = 1;

    a->fd = connect_to(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
    if (a->fd < 0)
        return;
    cr_frame_reader_init(&a->reader, in_buffer, sizeof(in_buffer));
    hello(a, "round");
    while (rc == 1) {
        a->arena.used = 0;
        rc = cr_frame_receive(a->fd, &a->reader, &a->arena, -1, &in, NULL);
        if (rc == 1)
            rc = obey(a);
    }
    close(a->fd);
    if (rc < 0) {
        resume(a, !a->sealed);
        say("BROKEN");
    }
}

int main(int argc, char **argv)
{
    struct agent a = {0};
    siginfo_t info;
    sigset_t set;

    if (argc < 4)
        return 2;
    parse(argc, argv, &a);
    prctl(PR_SET_NAME, CR_AGENT_NAME);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, CR_SIGNAL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (cr_arena_create(&a.arena, 1UL << 20) < 0)
        return 1;
    if (!a.no_register)
        register_rank(&a);
    for (;;) {
        if (sigwaitinfo(&set, &info) == CR_SIGNAL)
            take_part(&a, info.si_pid, (unsigned)info.si_value.sival_int);
    }
}
