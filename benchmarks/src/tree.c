/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of processes to be checkpointed. usage: tree PROCESSES MIB: so many children share MIB MiB of contents evenly.
 * Obeys lines on standard input and answers each with one line:
 *   call               "all" as soon as every child has answered
 *   quit
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct shared {
    _Atomic uint32_t called;
    _Atomic uint32_t answered;
} *shared;

static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL);
}

static void wake_all(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX);
}

__attribute__((noreturn)) static void serve(size_t bytes)
{
    uint64_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t state = 88172645463325252ULL ^ (uint64_t)getpid();
    uint32_t seen = 0;

    if (words == MAP_FAILED)
        _exit(1);
    for (size_t i = 0; i < bytes / sizeof(*words); i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words[i] = state;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        atomic_fetch_add(&shared->answered, 1);
        wake_all(&shared->answered);
        while (atomic_load(&shared->called) == seen)
            wait_while(&shared->called, seen);
        seen = atomic_load(&shared->called);
    }
}

static void await_answers(uint32_t count)
{
    uint32_t answered;

    while ((answered = atomic_load(&shared->answered)) < count)
        wait_while(&shared->answered, answered);
}

int main(int argc, char **argv)
{
    uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
    size_t bytes = ((size_t)(argc > 2 ? atol(argv[2]) : 1) << 20) / count & ~4095UL;
    char line[100];

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    for (uint32_t i = 0; i < count; i++)
        if (fork() == 0)
            serve(bytes);
    await_answers(count);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL && strncmp(line, "call", 4) == 0) {
        atomic_store(&shared->answered, 0);
        atomic_fetch_add(&shared->called, 1);
        wake_all(&shared->called);
        await_answers(count);
        printf("all\n");
        fflush(stdout);
    }
    return 0;
}
