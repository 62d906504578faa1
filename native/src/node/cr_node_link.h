/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A connection that carries frames both ways inside the event loop: never blocks, keeps what the other end
 * has not taken yet, and gives up when that becomes too much. Memory that was never needed is never touched.
 */
#ifndef CR_NODE_LINK_H
#define CR_NODE_LINK_H

#include "cr_frame.h"
#include "cr_loop.h"

struct cr_node_link {
    struct cr_watch watch; /* fd -1: not connected */
    struct cr_loop *loop;
    struct cr_frame_reader reader;
    uint8_t *memory; /* input, then output */
    uint8_t *out;
    size_t out_start, out_end;
};

/* Takes FD over, makes it non-blocking, and calls READY when there is something to read (or the connection has ended). Returns
 * 0 or -errno; FD is closed on failure. */
int cr_node_link_open(struct cr_node_link *link, struct cr_loop *loop, int fd, cr_watch_fn ready);

int cr_node_link_is_open(const struct cr_node_link *link);

/* Queues FRAME and sends what the socket takes. Returns 0, -ENOBUFS when the other end has not read for too long, or another
 * negative code: then the connection is of no use any more; the caller closes it. */
int cr_node_link_send(struct cr_node_link *link, const quiesce_wire_Frame *frame,
                      struct cr_error *err);

/* The same for bytes that are no frame. */
int cr_node_link_send_bytes(struct cr_node_link *link, const void *data, size_t size);

/*
 * To be called first by the READY function: sends what waits and reads once. Returns 1 when frames may be taken with
 * cr_frame_next(&link->reader), 0 when there is nothing new, -ECONNRESET when the other end has closed, or another -errno.
 */
int cr_node_link_service(struct cr_node_link *link, uint32_t events);

/* Tries to send what waits, for at most TIMEOUT_MS: before the program ends. */
void cr_node_link_drain(struct cr_node_link *link, int timeout_ms);

/* Closes and gives the memory back; nothing if it is not open. */
void cr_node_link_close(struct cr_node_link *link);

#endif
