/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T threads pass a token round a ring of condition variables while each stirs it into a hash of its own; the result
 * depends on every step of every thread, so a lost or doubled step shows.
 *
 * usage: threads T ROUNDS
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 256

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t turn_changed;
    int turn;
    int threads;
    long rounds;
    uint64_t token;
};

struct member {
    struct ring *ring;
    int index;
    uint64_t hash;
};

static uint64_t stir(uint64_t x)
{
    /* xorshift64*, Vigna 2016 */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545f4914f6cdd1dULL;
}

static void *run(void *argument)
{
    struct member *m = argument;
    struct ring *r = m->ring;

    for (long i = 0; i < r->rounds; i++) {
        pthread_mutex_lock(&r->lock);
        while (r->turn != m->index)
            pthread_cond_wait(&r->turn_changed, &r->lock);
        for (int k = 0; k < 1000; k++)
            r->token = stir(r->token + (uint64_t)m->index);
        m->hash = m->hash * 31 + r->token;
        r->turn = (r->turn + 1) % r->threads;
        pthread_cond_broadcast(&r->turn_changed);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct member members[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    struct ring ring = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 1};
    uint64_t hash = 0;

    if (argc == 3) {
        ring.threads = atoi(argv[1]);
        ring.rounds = strtol(argv[2], NULL, 10);
    }
    if (ring.threads < 1 || ring.threads > THREADS_MAX || ring.rounds < 1) {
        fprintf(stderr, "usage: %s THREADS(1-%d) ROUNDS\n", argv[0], THREADS_MAX);
        return 2;
    }
    for (int i = 0; i < ring.threads; i++) {
        members[i] = (struct member){&ring, i, 0};
        if (pthread_create(&threads[i], NULL, run, &members[i]) != 0) {
            perror("pthread_create");
            return 1;
        }
    }
    for (int i = 0; i < ring.threads; i++) {
        pthread_join(threads[i], NULL);
        hash = hash * 1000003 + members[i].hash;
    }
    printf("checksum %016llx\n", (unsigned long long)hash);
    return 0;
}
