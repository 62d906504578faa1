/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Words for the numbers in an image. */
#include "cr_info.h"

struct word {
    unsigned number;
    const char *text;
};

/* Made from image.proto. */
#include "cr_info_words.h"

static const char *find(const struct word *words, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].number == number)
            return words[i].text;
    return "unknown";
}

const char *cr_info_note_words(unsigned type)
{
    return find(note_words, sizeof(note_words) / sizeof(*note_words), type);
}

const char *cr_info_descriptor_words(unsigned kind)
{
    return find(descriptor_words, sizeof(descriptor_words) / sizeof(*descriptor_words), kind);
}

const char *cr_info_area_words(unsigned kind)
{
    static const char *const words[] = {"private", "stack", "file-private", "file-shared",
                                        "shared",  "vdso",  "skipped"};

    return kind < sizeof(words) / sizeof(*words) ? words[kind] : "unknown";
}

unsigned cr_info_next_kind(const struct cr_info *info, unsigned after, size_t *ret_count,
                           uint64_t *ret_bytes)
{
    struct cr_stored_note note;
    unsigned next = 0;
    size_t at = 0;

    *ret_count = 0;
    *ret_bytes = 0;
    while (cr_image_walk_notes(info->reader, &at, &note)) {
        if (!note.own || note.type <= after || (next != 0 && note.type > next))
            continue;
        if (note.type != next) {
            *ret_count = 0;
            *ret_bytes = 0;
        }
        next = note.type;
        *ret_count += 1;
        *ret_bytes += note.size;
    }
    return next;
}
