/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process to be checkpointed while it watches its own clock. usage: subject MIB THREADS
 * Obeys lines on standard input and answers each with one line:
 *   gap                longest time in ms between two looks at the clock since the last "gap": the pause, as the program saw it
 *   write FILE         ms for write() of the whole buffer in 1 MiB pieces
 *   direct FILE        ms for O_DIRECT pwrite() in 1 MiB pieces by 4 threads, with fsync
 *   check              "same" if the buffer still has its contents
 *   quit
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PIECE (1UL << 20)
#define WRITERS 4

static unsigned char *buffer;
static size_t buffer_size;
static _Atomic int64_t longest_gap;
static _Atomic int
    limit_is_measured; /* by this process alone: the clock is not watched meanwhile */

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double ms_since(int64_t start)
{
    return (double)(now_ns() - start) / 1e6;
}

static void *watch_clock(void *unused)
{
    int64_t last = now_ns();

    (void)unused;
    for (;;) {
        int64_t now = now_ns();
        while (atomic_load_explicit(&limit_is_measured, memory_order_relaxed)) {
            usleep(1000);
            last = now = now_ns();
        }
        if (now - last > atomic_load_explicit(&longest_gap, memory_order_relaxed))
            atomic_store(&longest_gap, now - last);
        last = now;
    }
    return NULL;
}

static void *wait_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int fill_or_check(int check)
{
    uint64_t state = 88172645463325252ULL;
    uint64_t *word = (uint64_t *)buffer;

    for (size_t i = 0; i < buffer_size / sizeof(*word); i++) {
        uint64_t value = next_random(&state);
        if (check && word[i] != value)
            return 0;
        word[i] = value;
    }
    return 1;
}

static double write_buffered(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int64_t start = now_ns();

    for (size_t at = 0; at < buffer_size; at += PIECE) {
        if (write(fd, buffer + at, PIECE) != (ssize_t)PIECE)
            return -1;
    }
    double ms = ms_since(start);
    close(fd);
    unlink(path);
    return ms;
}

struct direct_writer {
    int fd;
    size_t first;
};

static void *write_share(void *argument)
{
    struct direct_writer *w = argument;

    for (size_t at = w->first * PIECE; at < buffer_size; at += WRITERS * PIECE) {
        if (pwrite(w->fd, buffer + at, PIECE, (off_t)at) != (ssize_t)PIECE)
            return w;
    }
    return NULL;
}

static double write_direct(const char *path)
{
    pthread_t threads[WRITERS];
    struct direct_writer writers[WRITERS];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    int64_t start = now_ns();

    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct direct_writer){fd, i};
        pthread_create(&threads[i], NULL, write_share, &writers[i]);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        if (failed != NULL)
            return -1;
    }
    fsync(fd);
    double ms = ms_since(start);
    close(fd);
    unlink(path);
    return ms;
}

static double measure_limit(double (*write_all)(const char *path), const char *path)
{
    atomic_store(&limit_is_measured, 1);
    usleep(2000);
    double ms = write_all(path);
    atomic_store(&limit_is_measured, 0);
    return ms;
}

static int obey(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "gap") == 0)
        printf("%.3f\n", (double)atomic_exchange(&longest_gap, 0) / 1e6);
    else if (strncmp(line, "write ", 6) == 0)
        printf("%.3f\n", measure_limit(write_buffered, line + 6));
    else if (strncmp(line, "direct ", 7) == 0)
        printf("%.3f\n", measure_limit(write_direct, line + 7));
    else if (strcmp(line, "check") == 0)
        printf("%s\n", fill_or_check(1) ? "same" : "DIFFERENT");
    else
        return 0;
    fflush(stdout);
    return 1;
}

int main(int argc, char **argv)
{
    char line[4200];
    pthread_t thread;
    int threads = argc > 2 ? atoi(argv[2]) : 1;

    buffer_size = (size_t)(argc > 1 ? atol(argv[1]) : 1) << 20;
    buffer = mmap(NULL, buffer_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("subject: memory");
        return 1;
    }
    fill_or_check(0);
    pthread_create(&thread, NULL, watch_clock, NULL);
    for (int i = 1; i < threads; i++)
        pthread_create(&thread, NULL, wait_for_ever, NULL);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL && obey(line))
        ;
    return 0;
}
