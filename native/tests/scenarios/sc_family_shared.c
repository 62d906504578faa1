/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Shared memory with a mutex, a semaphore and a condition that all processes use. */
#include "sc_family.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#define CHILDREN 3

struct board {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    sem_t turns[CHILDREN];
    uint64_t total;
    uint64_t by[CHILDREN];
    uint64_t waited;
    int over;
    uint8_t far[1 << 20];
};

static struct board *board;

static void make_board(void)
{
    pthread_mutexattr_t m;
    pthread_condattr_t c;

    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        sc_fail("mmap: %s", strerror(errno));
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&board->mutex, &m);
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&board->changed, &c);
    for (int i = 0; i < CHILDREN; i++)
        sem_init(&board->turns[i], 1, i == 0);
    memset(board->far, 0x11, sizeof(board->far));
}

/* The semaphores hand the turn round; the counters are guarded by the mutex. */
__attribute__((noreturn)) static void work(int me)
{
    for (int over = 0; !over;) {
        while (sem_wait(&board->turns[me]) != 0)
            ;
        pthread_mutex_lock(&board->mutex);
        board->total++;
        board->by[me]++;
        board->far[board->total % sizeof(board->far)] ^= 0x10;
        over = board->over;
        pthread_cond_signal(&board->changed);
        pthread_mutex_unlock(&board->mutex);
        sem_post(&board->turns[(me + 1) % CHILDREN]);
    }
    _exit(me);
}

static void await_total(uint64_t total)
{
    pthread_mutex_lock(&board->mutex);
    while (board->total < total)
        pthread_cond_wait(&board->changed, &board->mutex);
    pthread_mutex_unlock(&board->mutex);
}

static void check(void)
{
    uint64_t sum = 0;
    uint64_t wrong = 0;

    for (int i = 0; i < CHILDREN; i++)
        sum += board->by[i];
    if (sum != board->total)
        sc_fail("the sum is %lu and the total %lu", (unsigned long)sum,
                (unsigned long)board->total);
    for (uint64_t i = 0; i < sizeof(board->far); i++) {
        uint64_t times =
            board->total / sizeof(board->far) + (i != 0 && i <= board->total % sizeof(board->far));
        wrong += board->far[i] != (times % 2 != 0 ? 0x01 : 0x11);
    }
    if (wrong != 0)
        sc_fail("%lu bytes of shared memory are wrong", (unsigned long)wrong);
}

int main(int argc, char **argv)
{
    pid_t children[CHILDREN];

    sc_init(argc, argv, "processes share memory, a mutex, a condition and semaphores");
    make_board();
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            work(i);
    }
    await_total(100);
    sc_ready();
    sc_wait();
    await_total(board->total + 1000);
    pthread_mutex_lock(&board->mutex);
    board->over = 1;
    pthread_mutex_unlock(&board->mutex);
    for (int i = 0; i < CHILDREN; i++)
        sc_expect_exit(children[i], i);
    check();
    sc_pass();
}
