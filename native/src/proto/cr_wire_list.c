/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Called by nanopb for each repeated field of wire.proto: the array grows in an arena while it is decoded,
 * because the number of items is not known before the last one.
 */
#include "cr_wire_list.h"

#include "cr_arena.h"
#include "wire.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#define FIRST_CAPACITY 8

struct item_type {
    const pb_msgdesc_t *fields;
    size_t size;
};

/* nanopb's descriptors do not tell the size of the struct that they describe. */
static const struct item_type TYPES[] = {
    {&quiesce_wire_GroupClock_msg, sizeof(quiesce_wire_GroupClock)},
    {&quiesce_wire_Range_msg, sizeof(quiesce_wire_Range)},
    {&quiesce_wire_GroupMembers_msg, sizeof(quiesce_wire_GroupMembers)},
    {&quiesce_wire_Call_msg, sizeof(quiesce_wire_Call)},
    {&quiesce_wire_RankInfo_msg, sizeof(quiesce_wire_RankInfo)},
    {&quiesce_wire_RankResult_msg, sizeof(quiesce_wire_RankResult)},
    {&quiesce_wire_RankStatus_msg, sizeof(quiesce_wire_RankStatus)},
    {&quiesce_wire_ObjectId_msg, sizeof(quiesce_wire_ObjectId)},
};

/* Size of one item of FIELD; 0 if its type is not in the table. */
static size_t item_size(const pb_field_t *field)
{
    if (PB_LTYPE(field->type) == PB_LTYPE_UVARINT)
        return sizeof(uint32_t);
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++) {
        if (TYPES[i].fields == field->submsg_desc)
            return TYPES[i].size;
    }
    return 0;
}

static bool read_source(pb_istream_t *stream, pb_byte_t *out, size_t count)
{
    struct cr_wire_source *source = stream->state;

    if (out != NULL)
        memcpy(out, source->at, count);
    source->at += count;
    return true;
}

void cr_wire_stream(struct pb_istream_s *ret_stream, struct cr_wire_source *source, size_t size)
{
    *ret_stream = (pb_istream_t){.callback = read_source, .state = source, .bytes_left = size};
}

/* One more zeroed item at the end of LIST, or NULL when the arena is used up. */
static void *list_append(struct cr_wire_list *list, size_t size, struct cr_arena *arena)
{
    void *item;

    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity > 0 ? list->capacity * 2 : FIRST_CAPACITY;
        void *items = cr_arena_alloc(arena, capacity * size);

        if (items == NULL)
            return NULL;
        if (list->count > 0)
            memcpy(items, list->items, list->count * size);
        list->items = items;
        list->capacity = capacity;
    }
    item = (char *)list->items + list->count * size;
    memset(item, 0, size);
    list->count++;
    return item;
}

static bool decode_items(pb_istream_t *stream, const pb_field_t *field, struct cr_wire_list *list,
                         size_t size)
{
    struct cr_wire_source *source = stream->state;
    void *item;

    if (stream->callback != read_source)
        PB_RETURN_ERROR(stream, "no memory for lists");
    if (field->submsg_desc != NULL) {
        item = list_append(list, size, source->arena);
        if (item == NULL)
            PB_RETURN_ERROR(stream, "list too long");
        return pb_decode(stream, field->submsg_desc, item);
    }
    while (stream->bytes_left > 0) {
        item = list_append(list, size, source->arena);
        if (item == NULL)
            PB_RETURN_ERROR(stream, "list too long");
        if (!pb_decode_varint32(stream, item))
            return false;
    }
    return true;
}

/* Packed, as proto3 has it: nanopb gives the items of an unpacked list to us without the stream that knows the arena. */
static bool encode_numbers(pb_ostream_t *stream, const pb_field_t *field,
                           const struct cr_wire_list *list)
{
    const uint32_t *numbers = list->items;
    pb_ostream_t counter = PB_OSTREAM_SIZING;

    for (uint32_t i = 0; i < list->count; i++)
        pb_encode_varint(&counter, numbers[i]);
    if (list->count == 0)
        return true;
    if (!pb_encode_tag(stream, PB_WT_STRING, field->tag) ||
        !pb_encode_varint(stream, counter.bytes_written))
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!pb_encode_varint(stream, numbers[i]))
            return false;
    }
    return true;
}

static bool encode_items(pb_ostream_t *stream, const pb_field_t *field,
                         const struct cr_wire_list *list, size_t size)
{
    if (field->submsg_desc == NULL)
        return encode_numbers(stream, field, list);
    for (uint32_t i = 0; i < list->count; i++) {
        const void *item = (const char *)list->items + i * size;

        if (!pb_encode_tag_for_field(stream, field) ||
            !pb_encode_submessage(stream, field->submsg_desc, item))
            return false;
    }
    return true;
}

bool cr_wire_list_callback(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
    size_t size = item_size(field);

    if (size == 0)
        return false;
    if (istream != NULL)
        return decode_items(istream, field, field->pData, size);
    return encode_items(ostream, field, field->pData, size);
}
