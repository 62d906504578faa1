/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program to be checkpointed by commands.sh. usage: victim KIND [ARGUMENT]; prints "ready" when
 * it is what KIND says.
 */
#include "libcr.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile long ticks;

static void *tick(void *unused)
{
    for (;;) {
        usleep(1000);
        ticks++;
    }
    return unused;
}

static void start_ticking(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, tick, NULL);
}

static void ready(void)
{
    printf("ready\n");
    fflush(stdout);
}

/* Prints a line every 10 ms; ends with status 42 when it is told by SIGUSR1. */
static volatile int told;
static void on_usr1(int number)
{
    told = number;
}

static int count(void)
{
    signal(SIGUSR1, on_usr1);
    start_ticking();
    ready();
    for (long i = 0; !told; i++) {
        printf("%ld %d\n", i, getpid());
        fflush(stdout);
        usleep(10000);
    }
    return 42;
}

static int hold_memory(size_t megabytes)
{
    size_t words = (megabytes << 20) / sizeof(uint64_t);
    uint64_t *p = malloc(megabytes << 20);
    uint64_t x = 88172645463325252UL;
    uint64_t sum = 0;

    signal(SIGUSR1, on_usr1);
    for (size_t i = 0; i < words; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p[i] = x;
        sum += x;
    }
    ready();
    while (!told)
        usleep(10000);
    for (size_t i = 0; i < words; i++)
        sum -= p[i];
    return sum == 0 ? 42 : 1;
}

static int zombie_main(void)
{
    start_ticking();
    ready();
    pthread_exit(NULL);
}

/*
 * A thread of its own waits for the child, which goes on only after four seconds; no libc in
 * between.
 */
static int vfork_parent(void)
{
    const struct timespec four = {8, 0};

    start_ticking();
    ready();
    if (vfork() == 0) {
        syscall(SYS_nanosleep, &four, NULL);
        _exit(0);
    }
    return count();
}

static int checkpoint_itself(const char *file)
{
    cr_client_id_t id = cr_init();
    long before;
    int rc;

    if (id < 0)
        return 3;
    start_ticking();
    if (cr_enter_cs(id) != 0 || cr_enter_cs(id) != 0 || cr_leave_cs(id) != 0 ||
        cr_leave_cs(id) != 0 || cr_leave_cs(id) != -1)
        return 4;
    rc = cr_checkpoint_self(file);
    before = ticks;
    usleep(50000);
    if (ticks == before)
        return 5;
    printf("%s\n", rc == 0 ? "saved" : rc == 1 ? "restarted" : "failed");
    return rc < 0 ? 6 : 0;
}

/* Forks, and the child can be checkpointed on its own. */
static int parent(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        return count();
    printf("child %d\n", child);
    ready();
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A child sends a byte every 10 ms through a pipe; the parent prints a line for each, and ends both with 42. */
static int family(void)
{
    int ends[2];
    char byte;
    pid_t child;
    int status = 0;

    if (pipe(ends) < 0)
        return 3;
    signal(SIGUSR1, on_usr1);
    child = fork();
    while (child == 0) {
        usleep(10000);
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
    }
    printf("child %d\n", child);
    ready();
    for (long i = 0; !told && read(ends[0], &byte, 1) == 1; i++) {
        printf("%ld %d\n", i, getpid());
        fflush(stdout);
    }
    kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
        return 5;
    return 42;
}

/* A parent that traces its child, which counts. */
static int tracer(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        return count();
    }
    printf("child %d\n", child);
    fflush(stdout);
    while (waitpid(child, &status, __WALL) >= 0 && WIFSTOPPED(status))
        ptrace(PTRACE_CONT, child, NULL, WSTOPSIG(status));
    return 0;
}

/* Answers every checkpoint with FLAGS. */
static int answer_with;

static int answer(void *unused)
{
    (void)unused;
    cr_checkpoint(answer_with);
    return 0;
}

/* Fails when it finds itself restarted. */
static int fail_restart(void *unused)
{
    (void)unused;
    return cr_checkpoint(CR_CHECKPOINT_READY) > 0;
}

/* Has a child at the first checkpoint, and tells what each has come to. */
static int have_child(void *unused)
{
    static int done;

    (void)unused;
    if (!done && fork() == 0) {
        execlp("sleep", "sleep", "600", (char *)NULL);
        _exit(127);
    }
    done = 1;
    /* The main thread may have been stopped with the lock of stdout, and stands still while callbacks run. */
    dprintf(STDOUT_FILENO, "callback %d\n", cr_checkpoint(CR_CHECKPOINT_READY));
    return 0;
}

static int answering(cr_callback_t callback, int flags)
{
    answer_with = flags;
    if (cr_init() < 0 || cr_register_callback(callback, NULL, CR_THREAD_CONTEXT) < 0)
        return 3;
    return count();
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";

    if (strcmp(kind, "count") == 0)
        return count();
    if (strcmp(kind, "memory") == 0 && argc > 2)
        return hold_memory(strtoul(argv[2], NULL, 10));
    if (strcmp(kind, "zombie-main") == 0)
        return zombie_main();
    if (strcmp(kind, "vfork") == 0)
        return vfork_parent();
    if (strcmp(kind, "self") == 0 && argc > 2)
        return checkpoint_itself(argv[2]);
    if (strcmp(kind, "parent") == 0)
        return parent();
    if (strcmp(kind, "family") == 0)
        return family();
    if (strcmp(kind, "tracer") == 0)
        return tracer();
    if (strcmp(kind, "answer") == 0 && argc > 2)
        return answering(answer, (int)strtol(argv[2], NULL, 0));
    if (strcmp(kind, "have-child") == 0)
        return answering(have_child, 0);
    if (strcmp(kind, "fail-restart") == 0)
        return answering(fail_restart, 0);
    return 2;
}
