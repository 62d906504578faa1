/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The dice, the hash and the memory of a random program. */
#include "random.h"

#include <stdarg.h>

enum { MOST = 4096 };

uint64_t rn_hash;
int rn_event;

static uint64_t dice, own_dice;
static void *taken[MOST];
static int taken_count;

static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
    return x ^ x >> 31;
}

uint64_t rn_mix(uint64_t a, uint64_t b)
{
    return scramble(a * 0x9e3779b97f4a7c15UL + scramble(b + 0x632be59bd9b4e019UL));
}

void rn_seed(uint64_t seed)
{
    dice = rn_mix(seed, 1);
    own_dice = rn_mix(seed, 2 + (uint64_t)qt_rank);
    rn_hash = 0;
    rn_event = 0;
}

int rn_dice(int sides)
{
    dice += 0x9e3779b97f4a7c15UL;
    return (int)(scramble(dice) % (uint64_t)sides);
}

int rn_chance(int percent)
{
    return rn_dice(100) < percent;
}

int rn_without(const char *name)
{
    const char *list = getenv("QUIESCE_RANDOM_WITHOUT"),
               *at = list != NULL ? strstr(list, name) : NULL;
    size_t length = strlen(name);

    return at != NULL && (at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0);
}

int rn_own_dice(int sides)
{
    own_dice += 0x9e3779b97f4a7c15UL;
    return (int)(scramble(own_dice) % (uint64_t)sides);
}

static int traces(void)
{
    static int trace = -1;

    if (trace < 0)
        trace = getenv("QUIESCE_RANDOM_TRACE") != NULL;
    return trace;
}

void rn_trace(const char *format, ...)
{
    char text[256];
    va_list list;

    if (!traces())
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    printf("~%d event %d: %s\n", qt_rank, rn_event, text);
    fflush(stdout);
}

void rn_note(uint64_t what)
{
    rn_trace("hash %016lx", (unsigned long)what);
    rn_hash += scramble(what);
}

uint64_t rn_digest(const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t hash = bytes, word;

    for (; bytes >= sizeof(word); bytes -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15UL;
        hash ^= hash >> 29;
    }
    for (; bytes > 0; bytes--)
        hash = (hash ^ *at++) * 0x9e3779b97f4a7c15UL;
    return scramble(hash);
}

void rn_fill(void *data, size_t bytes, uint64_t salt)
{
    unsigned char *at = data;
    uint64_t word;

    for (; bytes >= sizeof(word); bytes -= sizeof(word), at += sizeof(word)) {
        word = scramble(salt += 0x9e3779b97f4a7c15UL);
        memcpy(at, &word, sizeof(word));
    }
    word = scramble(salt);
    memcpy(at, &word, bytes);
}

void *rn_take(size_t bytes)
{
    void *memory = malloc(bytes + 1);

    if (memory == NULL || taken_count == MOST) {
        printf("# rank %d: no memory\n", qt_rank);
        MPI_Abort(MPI_COMM_WORLD, 3);
    }
    memset(memory, 0xa5, bytes + 1);
    taken[taken_count++] = memory;
    return memory;
}

void rn_give(void *memory)
{
    int i;

    for (i = taken_count - 1; memory != NULL && i >= 0; i--)
        if (taken[i] == memory) {
            taken[i] = taken[--taken_count];
            free(memory);
            return;
        }
}

void rn_give_all(void)
{
    while (taken_count > 0)
        free(taken[--taken_count]);
}
