/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_frame.h"

#include "cr_crc32c.h"
#include "cr_fmt.h"
#include "cr_sys.h"
#include "cr_wire_list.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define LENGTH_BYTES 4U /* the length does not count itself */
#define SEND_STALL_MS 10000

static void put_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* ---- sending ---- */

long cr_frame_encode(const quiesce_wire_Frame *frame, void *buffer, size_t size,
                     struct cr_error *err)
{
    uint8_t *out = buffer;
    pb_ostream_t stream;

    if (size > CR_FRAME_MAX)
        size = CR_FRAME_MAX;
    if (size < CR_FRAME_HEADER)
        return cr_fail(err, CR_EPROTOCOL, "no room for a frame");
    stream = pb_ostream_from_buffer(out + CR_FRAME_HEADER, size - CR_FRAME_HEADER);
    if (!pb_encode(&stream, quiesce_wire_Frame_fields, frame))
        return cr_fail(err, CR_EPROTOCOL, "frame does not fit into %zu bytes (%s)", size,
                       PB_GET_ERROR(&stream));
    put_u32(out, (uint32_t)stream.bytes_written + LENGTH_BYTES);
    put_u32(out + LENGTH_BYTES, cr_crc32c(0, out + CR_FRAME_HEADER, stream.bytes_written));
    return (long)(CR_FRAME_HEADER + stream.bytes_written);
}

/* Returns 1 when FD has one of EVENTS, 0 when TIMEOUT_MS are over, or -errno. */
static int wait_for(int fd, short events, int timeout_ms)
{
    int64_t end = cr_sys_clock_ns(CLOCK_MONOTONIC) / 1000000 + timeout_ms;
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left = timeout_ms;
    long n;

    for (;;) {
        n = cr_sys(SYS_poll, &p, 1, left);
        if (n >= 0)
            return n > 0;
        if (n != -EINTR)
            return (int)n;
        if (timeout_ms >= 0) {
            left = end - cr_sys_clock_ns(CLOCK_MONOTONIC) / 1000000;
            if (left < 0)
                left = 0;
        }
    }
}

/* Returns the bytes sent (> 0) or a negative code; waits where the socket would block. */
static long send_some(int fd, const uint8_t *data, size_t size)
{
    long n;
    int ready;

    for (;;) {
        n = cr_sys(SYS_sendto, fd, data, size, MSG_NOSIGNAL, 0, 0);
        if (n > 0)
            return n;
        if (n == 0)
            return -EPIPE;
        if (n == -EINTR)
            continue;
        if (n != -EAGAIN)
            return n;
        ready = wait_for(fd, POLLOUT, SEND_STALL_MS);
        if (ready <= 0)
            return ready < 0 ? ready : -ETIMEDOUT;
    }
}

int cr_frame_send(int fd, const quiesce_wire_Frame *frame, void *buffer, size_t size,
                  struct cr_error *err)
{
    long total = cr_frame_encode(frame, buffer, size, err);

    return total < 0 ? (int)total : cr_frame_send_encoded(fd, buffer, (size_t)total, err);
}

int cr_frame_send_encoded(int fd, const void *data, size_t size, struct cr_error *err)
{
    const uint8_t *at = data;

    while (size > 0) {
        long n = send_some(fd, at, size);
        if (n < 0)
            return cr_fail(err, (int)-n, "sending to the peer: %s", cr_error_words((int)-n));
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* ---- receiving ---- */

void cr_frame_reader_init(struct cr_frame_reader *ret_reader, void *buffer, size_t size)
{
    *ret_reader = (struct cr_frame_reader){buffer, size < CR_FRAME_MAX ? size : CR_FRAME_MAX, 0};
}

long cr_frame_read(struct cr_frame_reader *reader, int fd)
{
    long n;

    if (reader->used == reader->size)
        return -ENOBUFS;
    do {
        n = cr_sys_read(fd, reader->buffer + reader->used, reader->size - reader->used);
    } while (n == -EINTR);
    if (n > 0)
        reader->used += (size_t)n;
    return n;
}

static int decode_message(const uint8_t *message, size_t size, struct cr_arena *arena,
                          quiesce_wire_Frame *ret_frame, struct cr_error *err)
{
    struct cr_wire_source source = {message, arena};
    pb_istream_t stream;

    cr_wire_stream(&stream, &source, size);
    memset(ret_frame, 0, sizeof(*ret_frame));
    if (!pb_decode(&stream, quiesce_wire_Frame_fields, ret_frame))
        return cr_fail(err, CR_EPROTOCOL, "message of %zu bytes cannot be decoded (%s)", size,
                       PB_GET_ERROR(&stream));
    return 0;
}

/* Size of the whole frame that begins at DATA; 0 when fewer than its first bytes are there; or a negative code. */
static long frame_size(const uint8_t *data, size_t there, size_t limit, struct cr_error *err)
{
    uint32_t length;

    if (there < LENGTH_BYTES)
        return 0;
    length = get_u32(data);
    if (length < CR_FRAME_HEADER - LENGTH_BYTES || length > limit - LENGTH_BYTES)
        return cr_fail(err, CR_EPROTOCOL, "frame length %u is out of bounds (at most %zu)", length,
                       limit - LENGTH_BYTES);
    return (long)(LENGTH_BYTES + length);
}

static int check_and_decode(const uint8_t *data, size_t size, struct cr_arena *arena,
                            quiesce_wire_Frame *ret_frame, struct cr_error *err)
{
    const uint8_t *message = data + CR_FRAME_HEADER;
    size_t message_size = size - CR_FRAME_HEADER;

    if (cr_crc32c(0, message, message_size) != get_u32(data + LENGTH_BYTES))
        return cr_fail(err, CR_EPROTOCOL, "frame of %zu bytes has a wrong checksum", size);
    return decode_message(message, message_size, arena, ret_frame, err);
}

int cr_frame_next(struct cr_frame_reader *reader, struct cr_arena *arena,
                  quiesce_wire_Frame *ret_frame, struct cr_error *err)
{
    long size = frame_size(reader->buffer, reader->used, reader->size, err);
    int rc;

    if (size < 0)
        return (int)size;
    if (size == 0 || reader->used < (size_t)size)
        return 0;
    rc = check_and_decode(reader->buffer, (size_t)size, arena, ret_frame, err);
    if (rc < 0)
        return rc;
    reader->used -= (size_t)size;
    memmove(reader->buffer, reader->buffer + size, reader->used);
    return 1;
}

int cr_frame_waits(const struct cr_frame_reader *reader, struct cr_arena *arena, uint32_t tag)
{
    static quiesce_wire_Frame frame;
    size_t at = 0;
    long size;

    while ((size = frame_size(reader->buffer + at, reader->used - at, reader->size, NULL)) > 0 &&
           reader->used - at >= (size_t)size) {
        size_t mark = arena->used;
        int rc =
            tag == 0 ? 0 : check_and_decode(reader->buffer + at, (size_t)size, arena, &frame, NULL);

        if (arena->used > mark)
            memset((void *)(arena->base + mark), 0, arena->used - mark);
        arena->used = mark;
        if (rc == 0 && (tag == 0 || frame.which_body == tag))
            return 1;
        at += (size_t)size;
    }
    return 0;
}

int cr_frame_receive(int fd, struct cr_frame_reader *reader, struct cr_arena *arena, int timeout_ms,
                     quiesce_wire_Frame *ret_frame, struct cr_error *err)
{
    int64_t end = cr_sys_clock_ns(CLOCK_MONOTONIC) / 1000000 + timeout_ms;
    int64_t left = timeout_ms;
    long n;
    int rc;

    for (;;) {
        rc = cr_frame_next(reader, arena, ret_frame, err);
        if (rc != 0)
            return rc;
        if (timeout_ms >= 0) {
            left = end - cr_sys_clock_ns(CLOCK_MONOTONIC) / 1000000;
            left = left < 0 ? 0 : left;
        }
        rc = wait_for(fd, POLLIN, (int)left);
        if (rc == 0)
            return 0;
        n = rc < 0 ? rc : cr_frame_read(reader, fd);
        if (n == 0)
            n = -ECONNRESET;
        if (n < 0 && n != -EAGAIN)
            return cr_fail(err, (int)-n, "reading from the peer: %s", cr_error_words((int)-n));
    }
}

int cr_frame_decode(const void *data, size_t size, struct cr_arena *arena,
                    quiesce_wire_Frame *ret_frame, struct cr_error *err)
{
    long whole = frame_size(data, size, CR_FRAME_MAX, err);

    if (whole < 0)
        return (int)whole;
    if (whole == 0 || (size_t)whole != size)
        return cr_fail(err, CR_EPROTOCOL, "%zu bytes are not one frame", size);
    return check_and_decode(data, size, arena, ret_frame, err);
}

/* ---- building ---- */

static void begin_frame(quiesce_wire_Frame *frame, uint64_t round, pb_size_t body)
{
    memset(frame, 0, sizeof(*frame));
    frame->round = round;
    frame->which_body = body;
}

void cr_frame_enter(quiesce_wire_Frame *ret_frame, uint64_t round, quiesce_wire_Phase phase)
{
    begin_frame(ret_frame, round, quiesce_wire_Frame_enter_tag);
    ret_frame->body.enter.phase = phase;
}

void cr_frame_cancel(quiesce_wire_Frame *ret_frame, uint64_t round, const char *reason)
{
    begin_frame(ret_frame, round, quiesce_wire_Frame_cancel_tag);
    cr_str_copy(ret_frame->body.cancel.reason, sizeof(ret_frame->body.cancel.reason), reason);
}

void cr_frame_end(quiesce_wire_Frame *ret_frame, uint64_t round, int signal)
{
    begin_frame(ret_frame, round, quiesce_wire_Frame_end_tag);
    ret_frame->body.end.signal = signal;
}

void cr_frame_phase_done(quiesce_wire_Frame *ret_frame, uint64_t round, quiesce_wire_Phase phase,
                         uint32_t ranks, quiesce_wire_RankResult *results, size_t count)
{
    begin_frame(ret_frame, round, quiesce_wire_Frame_phase_done_tag);
    ret_frame->body.phase_done.phase = phase;
    ret_frame->body.phase_done.ranks = ranks;
    ret_frame->body.phase_done.result = cr_wire_list_of(results, count);
}

void cr_frame_rank_lost(quiesce_wire_Frame *ret_frame, uint64_t round, uint32_t rank, uint32_t pid,
                        const char *reason)
{
    quiesce_wire_RankLost *lost = &ret_frame->body.rank_lost;

    begin_frame(ret_frame, round, quiesce_wire_Frame_rank_lost_tag);
    lost->rank = rank;
    lost->pid = pid;
    cr_str_copy(lost->reason, sizeof(lost->reason), reason);
}

void cr_frame_result(quiesce_wire_RankResult *ret_result, uint32_t rank, uint32_t pid,
                     const struct cr_error *err)
{
    memset(ret_result, 0, sizeof(*ret_result));
    ret_result->rank = rank;
    ret_result->pid = pid;
    if (err == NULL || err->code == 0)
        return;
    ret_result->error = err->code;
    cr_str_copy(ret_result->text, sizeof(ret_result->text), err->text);
}

const char *cr_frame_phase_name(quiesce_wire_Phase phase)
{
    static const char *const NAMES[] = {"IDLE", "COLLECTIVES", "STOP", "DRAIN",  "CALLBACKS",
                                        "DUMP", "RESUME",      "SEAL", "COMMIT", "LAYOUT"};

    if ((unsigned)phase >= sizeof(NAMES) / sizeof(*NAMES))
        return "UNKNOWN";
    return NAMES[phase];
}
