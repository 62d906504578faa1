/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen (no malloc, no stdio, raw system calls): the agent uses it while application threads are parked. Frames
 * on a stream socket, as all programs of a job speak them: u32 big-endian length of what follows (CRC and message), u32
 * big-endian CRC32C of the message, the message (quiesce.wire.Frame). Memory is the caller's.
 */
#ifndef CR_FRAME_H
#define CR_FRAME_H

#include "cr_arena.h"
#include "cr_error.h"
#include "wire.pb.h"

#include <stddef.h>
#include <stdint.h>

#define CR_FRAME_MAX (1UL << 20) /* bytes of a whole frame, header included */
#define CR_FRAME_HEADER 8UL
#define CR_FRAME_AGENT_MAX (64UL << 10) /* a buffer of an agent or of a small peer */

/* ---- sending ---- */

/*
 * Encodes FRAME with its header into BUFFER of SIZE bytes. Returns the bytes used, or -CR_EPROTOCOL when it does not fit or
 * a string is not terminated.
 */
long cr_frame_encode(const quiesce_wire_Frame *frame, void *buffer, size_t size,
                     struct cr_error *err);

/*
 * Encodes FRAME into BUFFER (scratch of SIZE bytes) and sends it whole: one sendto() with MSG_NOSIGNAL, more only after a
 * short write. Waits on a non-blocking socket too, at most 10 s without progress. Returns 0 or a negative code
 * (-EPIPE, -ECONNRESET, -ETIMEDOUT, -CR_EPROTOCOL).
 */
int cr_frame_send(int fd, const quiesce_wire_Frame *frame, void *buffer, size_t size,
                  struct cr_error *err);

/* Sends SIZE bytes of encoded frames in the same way, several with one system call. */
int cr_frame_send_encoded(int fd, const void *data, size_t size, struct cr_error *err);

/* As cr_frame_send() on a Unix socket; the peer gets a duplicate of the descriptor PASSED with the frame. */
int cr_frame_send_with(int fd, const quiesce_wire_Frame *frame, int passed, void *buffer,
                       size_t size, struct cr_error *err);

/* ---- receiving ---- */

/* Bytes received and not yet taken. BUFFER is the caller's; a frame larger than it is a protocol error. */
struct cr_frame_reader {
    uint8_t *buffer;
    size_t size;
    size_t used;
};

/* SIZE: at least CR_FRAME_HEADER, at most CR_FRAME_MAX is ever used. */
void cr_frame_reader_init(struct cr_frame_reader *ret_reader, void *buffer, size_t size);

/*
 * One read() into the reader. Returns the bytes read; 0 at the end of the stream; -EAGAIN when nothing is there; another
 * -errno when the connection is broken. Take all complete frames with cr_frame_next() before the next call.
 */
long cr_frame_read(struct cr_frame_reader *reader, int fd);

/* The same on a Unix socket; a descriptor that came along replaces *PASSED (-1: none) and is close-on-exec. */
long cr_frame_read_with(struct cr_frame_reader *reader, int fd, int *passed);

/*
 * Takes the first complete frame. Returns 1; 0 when more bytes are needed; -CR_EPROTOCOL when the stream cannot be
 * understood (length, CRC, contents): close the connection then. Lists of RET_FRAME lie in ARENA; the caller gives that
 * memory back by setting arena->used to its earlier value when it is done with the frame.
 */
int cr_frame_next(struct cr_frame_reader *reader, struct cr_arena *arena,
                  quiesce_wire_Frame *ret_frame, struct cr_error *err);

/*
 * Whether a complete frame waits in READER with a body of TAG (0: any); looks without taking. What
 * cannot be understood is left to cr_frame_next().
 */
int cr_frame_waits(const struct cr_frame_reader *reader, struct cr_arena *arena, uint32_t tag);

/*
 * Waits until a frame is complete, at most TIMEOUT_MS (-1: for ever; 0: what is there now). Returns 1; 0 when the time is
 * over; -ECONNRESET when the peer has closed; another negative code. EINTR is not an end of waiting.
 */
int cr_frame_receive(int fd, struct cr_frame_reader *reader, struct cr_arena *arena, int timeout_ms,
                     quiesce_wire_Frame *ret_frame, struct cr_error *err);

/* Decodes the message in one whole frame at DATA (for tests and fuzzing). Returns 0 or -CR_EPROTOCOL. */
int cr_frame_decode(const void *data, size_t size, struct cr_arena *arena,
                    quiesce_wire_Frame *ret_frame, struct cr_error *err);

/* ---- building: each zeroes FRAME and fills it; pointers in lists must live until it is sent ---- */

void cr_frame_enter(quiesce_wire_Frame *ret_frame, uint64_t round, quiesce_wire_Phase phase);
void cr_frame_cancel(quiesce_wire_Frame *ret_frame, uint64_t round, const char *reason);
void cr_frame_end(quiesce_wire_Frame *ret_frame, uint64_t round, int signal);
void cr_frame_phase_done(quiesce_wire_Frame *ret_frame, uint64_t round, quiesce_wire_Phase phase,
                         uint32_t ranks, quiesce_wire_RankResult *results, size_t count);
void cr_frame_rank_lost(quiesce_wire_Frame *ret_frame, uint64_t round, uint32_t rank, uint32_t pid,
                        const char *reason);

/* RESULT for RANK: error and text of ERR (NULL or code 0: success). The other fields are zero. */
void cr_frame_result(quiesce_wire_RankResult *ret_result, uint32_t rank, uint32_t pid,
                     const struct cr_error *err);

/* "STOP" and so on, as the protocol page and `quiesce status` call it. Never NULL. */
const char *cr_frame_phase_name(quiesce_wire_Phase phase);

#endif
