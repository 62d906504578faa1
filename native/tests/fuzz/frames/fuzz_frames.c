/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger may send. The first byte chooses: even, the rest is a stream and is taken in pieces; odd, the rest is a message
 * that gets a right header, because no fuzzer guesses a checksum. What was understood must be understood again after encoding.
 */
#include "cr_crc32c.h"
#include "cr_frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (64UL << 10)

static uint8_t buffer[BUFFER_SIZE], again[2 * BUFFER_SIZE];
static quiesce_wire_Frame frame, second;
static struct cr_arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(void)
{
    struct cr_error err;
    long n = cr_frame_encode(&frame, again, sizeof(again), &err);

    /* Unknown phases are kept, and defaults are not sent: the bytes may differ, the meaning not. */
    if (n >= 0 && cr_frame_decode(again, (size_t)n, &arena, &second, &err) < 0)
        abort();
    if (n >= 0 && second.which_body != frame.which_body)
        abort();
}

static void take_stream(const uint8_t *data, size_t size)
{
    struct cr_frame_reader reader;
    struct cr_error err;
    size_t piece;
    int rc = 0;

    cr_frame_reader_init(&reader, buffer, sizeof(buffer));
    while (size > 0 && rc >= 0) {
        piece = (size_t)data[0] % 17 + 1;
        piece = piece < size ? piece : size;
        if (reader.used + piece > reader.size)
            abort(); /* a frame of the largest size fits, a larger one was refused at its first bytes */
        memcpy(reader.buffer + reader.used, data, piece);
        reader.used += piece;
        data += piece;
        size -= piece;
        while ((rc = cr_frame_next(&reader, &arena, &frame, &err)) == 1)
            encode_again();
    }
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void take_message(const uint8_t *data, size_t size)
{
    struct cr_error err;

    if (size > sizeof(buffer) - CR_FRAME_HEADER)
        return;
    memcpy(buffer + CR_FRAME_HEADER, data, size);
    put_u32(buffer, (uint32_t)size + 4);
    put_u32(buffer + 4, cr_crc32c(0, data, size));
    if (cr_frame_decode(buffer, size + CR_FRAME_HEADER, &arena, &frame, &err) == 0)
        encode_again();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (arena.size == 0 && cr_arena_create(&arena, 1UL << 20) < 0)
        abort();
    arena.used = 0;
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        take_stream(data + 1, size - 1);
    else
        take_message(data + 1, size - 1);
    return 0;
}
