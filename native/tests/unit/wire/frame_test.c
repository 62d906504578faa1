/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what is sent is what arrives, in whatever pieces, and what is no frame is refused. */
#include "cr_crc32c.h"
#include "cr_frame.h"
#include "cr_wire_list.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t bytes[CR_FRAME_MAX];
static uint8_t input[CR_FRAME_MAX];
static quiesce_wire_Frame frame, back;
static struct cr_arena arena;
static struct cr_error err;

static int round_trip(void)
{
    long n = cr_frame_encode(&frame, bytes, sizeof(bytes), &err);

    return n < 0 ? (int)n : cr_frame_decode(bytes, (size_t)n, &arena, &back, &err);
}

/* ---- contents ---- */

static void test_bytes(void)
{
    static const uint8_t EXPECTED[] = {0, 0, 0, 10, 0xe9, 0x98, 0x5f, 0xc0, 0x08, 5, 0x6a, 2, 8, 2};
    long n;

    cr_frame_enter(&frame, 5, quiesce_wire_Phase_PHASE_STOP);
    n = cr_frame_encode(&frame, bytes, sizeof(bytes), &err);
    tap_equal_u64(n, sizeof(EXPECTED), "Enter{STOP} of round 5 has 14 bytes");
    tap_ok(memcmp(bytes, EXPECTED, 4) == 0 && memcmp(bytes + 8, EXPECTED + 8, 6) == 0,
           "length and message are those of every protobuf program");
    tap_ok(memcmp(bytes + 4, EXPECTED + 4, 4) == 0, "and so is the checksum");
}

static void test_report(void)
{
    quiesce_wire_CollectiveReport *r = &frame.body.collective_report;
    quiesce_wire_GroupClock clocks[300];
    quiesce_wire_Range members[] = {{0, 3}, {5, 5}};
    quiesce_wire_GroupMembers group = {1, 2, cr_wire_list_of(members, 2)};
    const quiesce_wire_GroupMembers *g;

    memset(&frame, 0, sizeof(frame));
    frame.which_body = quiesce_wire_Frame_collective_report_tag;
    for (uint32_t i = 0; i < 300; i++)
        clocks[i] = (quiesce_wire_GroupClock){i, 2UL * i, 3UL * i};
    r->clock = cr_wire_list_of(clocks, 300);
    r->group = cr_wire_list_of(&group, 1);
    r->rank = 17;
    tap_ok(round_trip() == 0 && back.body.collective_report.rank == 17, "a report passes");
    r = &back.body.collective_report;
    tap_ok(r->clock.count == 300 &&
               cr_wire_at(&r->clock, quiesce_wire_GroupClock, 299)->sequence == 897,
           "with three hundred clocks");
    g = cr_wire_at(&r->group, quiesce_wire_GroupMembers, 0);
    tap_ok(r->group.count == 1 && g->member.count == 2 && g->id_low == 2 &&
               cr_wire_at(&g->member, quiesce_wire_Range, 1)->last == 5,
           "and a group with its members");
    tap_ok(r->waits_for.count == 0, "and an empty list");
}

static void test_release(void)
{
    uint32_t ranks[1000];

    memset(&frame, 0, sizeof(frame));
    frame.which_body = quiesce_wire_Frame_release_tag;
    for (uint32_t i = 0; i < 1000; i++)
        ranks[i] = i * 1000;
    frame.body.release.rank = cr_wire_list_of(ranks, 1000);
    tap_ok(round_trip() == 0 && back.body.release.rank.count == 1000 &&
               *cr_wire_at(&back.body.release.rank, uint32_t, 999) == 999000,
           "a thousand releases pass");
}

static void test_results(void)
{
    quiesce_wire_RankResult results[64];

    cr_fail(&err, CR_EREFUSED, "descriptor %d: a TCP connection", 7);
    for (uint32_t i = 0; i < 64; i++)
        cr_frame_result(&results[i], i, 1000 + i, i == 3 ? &err : NULL);
    cr_frame_phase_done(&frame, 9, quiesce_wire_Phase_PHASE_STOP, 64, results, 64);
    tap_ok(round_trip() == 0 && back.round == 9 && back.body.phase_done.result.count == 64,
           "an answer with 64 results passes");
    tap_equal_text(cr_wire_at(&back.body.phase_done.result, quiesce_wire_RankResult, 3)->text,
                   "descriptor 7: a TCP connection", "with the text of a refusal");
    tap_equal_u64(cr_wire_at(&back.body.phase_done.result, quiesce_wire_RankResult, 4)->error, 0,
                  "and success beside it");
}

static void test_arena_is_small(void)
{
    struct cr_arena tiny;

    cr_arena_create(&tiny, 4096);
    tiny.size = 1024;
    test_results();
    tap_equal_u64(cr_frame_decode(bytes,
                                  (size_t)cr_frame_encode(&frame, bytes, sizeof(bytes), &err),
                                  &tiny, &back, &err),
                  -CR_EPROTOCOL, "a list that does not fit into the arena is refused");
    cr_arena_destroy(&tiny);
}

/* ---- what is no frame ---- */

static void test_refusals(void)
{
    long n;
    int bad = 0;

    cr_frame_cancel(&frame, 3, "the user pressed Ctrl-C");
    n = cr_frame_encode(&frame, bytes, sizeof(bytes), &err);
    for (long cut = 0; cut < n; cut++)
        bad += cr_frame_decode(bytes, (size_t)cut, &arena, &back, &err) == -CR_EPROTOCOL;
    tap_equal_u64(bad, n, "a frame that is cut short is refused, wherever");
    bad = 0;
    for (long i = 0; i < n; i++) {
        bytes[i] ^= 0x10;
        bad += cr_frame_decode(bytes, (size_t)n, &arena, &back, &err) == -CR_EPROTOCOL;
        bytes[i] ^= 0x10;
    }
    tap_equal_u64(bad, n, "a frame with one bit changed is refused, wherever");
    tap_equal_u64(cr_frame_decode(bytes, (size_t)n + 1, &arena, &back, &err), -CR_EPROTOCOL,
                  "a frame with a byte behind it is refused");
    tap_equal_u64(cr_frame_encode(&frame, bytes, 16, &err), -CR_EPROTOCOL,
                  "a frame is not cut to the sender's buffer");
}

/* Puts a length before nothing; returns what the reader says. */
static int read_length(uint32_t length)
{
    struct cr_frame_reader reader;

    cr_frame_reader_init(&reader, input, sizeof(input));
    for (int i = 0; i < 4; i++)
        input[i] = (uint8_t)(length >> (24 - 8 * i));
    reader.used = 4;
    return cr_frame_next(&reader, &arena, &back, &err);
}

static void test_lengths(void)
{
    struct cr_frame_reader small;

    tap_equal_u64(read_length(0), -CR_EPROTOCOL, "length 0 is refused");
    tap_equal_u64(read_length(3), -CR_EPROTOCOL,
                  "a length without room for the checksum is refused");
    tap_equal_u64(read_length(4), 0, "length 4 is an empty message that is still to come");
    tap_equal_u64(read_length(CR_FRAME_MAX - 4), 0, "the largest length is allowed");
    tap_equal_u64(read_length(CR_FRAME_MAX - 3), -CR_EPROTOCOL, "one more is not");
    tap_equal_u64(read_length(0xffffffff), -CR_EPROTOCOL, "nor is the largest number");
    cr_frame_reader_init(&small, input, 64);
    small.used = 4;
    memcpy(input, "\0\0\0\x3d", 4);
    tap_equal_u64(cr_frame_next(&small, &arena, &back, &err), -CR_EPROTOCOL,
                  "a frame larger than the reader's buffer is refused at its first bytes");
}

/* ---- sockets ---- */

static void test_pieces(int in, int out)
{
    struct cr_frame_reader reader;
    long n;
    int waiting = 0;

    cr_frame_reader_init(&reader, input, sizeof(input));
    cr_frame_enter(&frame, 1, quiesce_wire_Phase_PHASE_DUMP);
    n = cr_frame_encode(&frame, bytes, sizeof(bytes), &err);
    for (long i = 0; i < n - 1; i++) {
        send(out, bytes + i, 1, 0);
        waiting += cr_frame_receive(in, &reader, &arena, 0, &back, &err) == 0;
    }
    tap_equal_u64(waiting, n - 1, "a frame that comes byte by byte is waited for");
    send(out, bytes + n - 1, 1, 0);
    tap_ok(cr_frame_receive(in, &reader, &arena, 0, &back, &err) == 1 &&
               back.body.enter.phase == quiesce_wire_Phase_PHASE_DUMP,
           "and taken with its last byte");
    memcpy(bytes + n, bytes, (size_t)n);
    send(out, bytes, (size_t)(2 * n - 1), 0);
    tap_ok(cr_frame_receive(in, &reader, &arena, 0, &back, &err) == 1 &&
               cr_frame_receive(in, &reader, &arena, 0, &back, &err) == 0,
           "two frames in one piece are taken one by one");
    send(out, bytes + 2 * n - 1, 1, 0);
    tap_equal_u64(cr_frame_receive(in, &reader, &arena, 1000, &back, &err), 1,
                  "the second one too");
    tap_equal_u64(cr_frame_receive(in, &reader, &arena, 20, &back, &err), 0,
                  "nothing comes: the time is over");
}

static void interrupt(int signal)
{
    (void)signal;
}

/* A frame of 600 KiB through a socket that takes less, to a reader that sleeps and is interrupted meanwhile. */
static void test_large(int in, int out)
{
    static quiesce_wire_RankResult results[1200];
    struct sigaction action = {.sa_handler = interrupt};
    struct cr_frame_reader reader;
    pid_t child;
    int rc;

    for (uint32_t i = 0; i < 1200; i++) {
        cr_frame_result(&results[i], i, i, NULL);
        memset(results[i].text, 'x', 500);
    }
    cr_frame_phase_done(&frame, 1, quiesce_wire_Phase_PHASE_SEAL, 1200, results, 1200);
    sigaction(SIGALRM, &action, NULL);
    child = fork();
    if (child == 0)
        _exit(cr_frame_send(out, &frame, bytes, sizeof(bytes), &err) == 0 ? 0 : 1);
    cr_frame_reader_init(&reader, input, sizeof(input));
    ualarm(1000, 1000);
    usleep(50000);
    rc = cr_frame_receive(in, &reader, &arena, 10000, &back, &err);
    ualarm(0, 0);
    tap_ok(rc == 1 && back.body.phase_done.result.count == 1200,
           "600 KiB pass in spite of short writes and signals");
    while (waitpid(child, &rc, 0) < 0)
        ;
    tap_ok(rc == 0, "the sender has sent all of it");
}

static void test_ends(int in, int out)
{
    struct cr_frame_reader reader;

    cr_frame_reader_init(&reader, input, sizeof(input));
    close(out);
    tap_equal_u64(cr_frame_receive(in, &reader, &arena, 1000, &back, &err), -ECONNRESET,
                  "the end of the stream is an error to who waits");
    cr_frame_enter(&frame, 1, quiesce_wire_Phase_PHASE_STOP);
    tap_equal_u64(cr_frame_send(in, &frame, bytes, sizeof(bytes), &err), -EPIPE,
                  "sending to nobody is an error, not a signal");
}

int main(void)
{
    int ends[2];

    cr_arena_create(&arena, 16UL << 20);
    test_bytes();
    test_report();
    test_release();
    test_results();
    test_arena_is_small();
    test_refusals();
    test_lengths();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 1;
    test_pieces(ends[0], ends[1]);
    test_large(ends[0], ends[1]);
    test_ends(ends[0], ends[1]);
    tap_equal_text(cr_frame_phase_name(quiesce_wire_Phase_PHASE_SEAL), "SEAL", "phases have names");
    tap_equal_text(cr_frame_phase_name((quiesce_wire_Phase)99), "UNKNOWN", "others do not");
    return tap_done();
}
