/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What collecting and making pipes have in common; nobody else includes this. */
#ifndef CR_FD_PIPE_H
#define CR_FD_PIPE_H

#include "cr_state_fd.h"

extern const struct cr_fd_kind cr_fd_pipe;

/*
 * The body of NOTE_PIPE_DATA: this, CHUNK_COUNT lengths of 4 bytes, and that many bytes. Each process that has the pipe
 * open writes one; as the processes are stopped one after another, the last one says what is in the pipe.
 */
struct cr_pipe_data {
    uint64_t device, inode;
    int64_t taken_ns; /* CLOCK_MONOTONIC */
    uint32_t packets; /* each chunk is a packet that one read() takes */
    uint32_t chunk_count;
    uint32_t bytes;
    uint32_t zero;
} __attribute__((packed, aligned(4))); /* as notes lie in a file */

/* The lengths behind DATA, and the bytes behind them. */
static inline const uint32_t *cr_pipe_data_lengths(const struct cr_pipe_data *data)
{
    return (const uint32_t *)(data + 1);
}

static inline const uint8_t *cr_pipe_data_bytes(const struct cr_pipe_data *data)
{
    return (const uint8_t *)(cr_pipe_data_lengths(data) + data->chunk_count);
}

/* The contents of NOTE, or NULL if it is of another type or its counts do not fit its size. */
const struct cr_pipe_data *cr_pipe_data_of(const struct cr_note *note);

/* How many bytes are in a pipe, FD being any end of it; negative: an error. */
long cr_pipe_filling(int fd);

/* A cr_fd_kind's create(). */
int cr_pipe_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err);

#endif
