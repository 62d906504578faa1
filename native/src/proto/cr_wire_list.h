/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A repeated field of wire.proto: an array of nanopb structs (or uint32_t) in the caller's memory. wire.options
 * gives this type to every repeated field without a fixed bound.
 */
#ifndef CR_WIRE_LIST_H
#define CR_WIRE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct cr_wire_list {
    void *items; /* of the field's type; the struct's owner knows which */
    uint32_t count;
    uint32_t capacity; /* of a list being decoded */
};

/* Item I of LIST, as a TYPE *. */
#define cr_wire_at(list, type, i) (&((type *)(list)->items)[i])

/* A list over COUNT items of an array, for encoding. */
static inline struct cr_wire_list cr_wire_list_of(void *items, size_t count)
{
    return (struct cr_wire_list){items, (uint32_t)count, (uint32_t)count};
}

struct cr_arena;

/*
 * What the input stream of a decoder points to (pb_istream_t.state), so that lists know where their memory comes from. Such a
 * stream is made by cr_wire_stream(); with any other stream a repeated field is an error.
 */
struct cr_wire_source {
    const uint8_t *at;
    struct cr_arena *arena;
};

struct pb_istream_s;

/* Fills STREAM, which reads SIZE bytes at SOURCE->at; lists are taken from SOURCE->arena. */
void cr_wire_stream(struct pb_istream_s *ret_stream, struct cr_wire_source *source, size_t size);

#endif
