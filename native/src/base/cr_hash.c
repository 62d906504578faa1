/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_hash.h"

#define XXH_INLINE_ALL /* no library, so no lazy binding while other threads are stopped */
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct cr_hash_stream), "opaque is too small");

uint64_t cr_hash64(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

struct cr_hash128 cr_hash128(const void *data, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(data, size);

    return (struct cr_hash128){hash.low64, hash.high64};
}

void cr_hash_begin(struct cr_hash_stream *stream)
{
    XXH3_128bits_reset((XXH3_state_t *)stream->opaque);
}

void cr_hash_add(struct cr_hash_stream *stream, const void *data, size_t size)
{
    XXH3_128bits_update((XXH3_state_t *)stream->opaque, data, size);
}

struct cr_hash128 cr_hash_end(const struct cr_hash_stream *stream)
{
    XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)stream->opaque);

    return (struct cr_hash128){hash.low64, hash.high64};
}
