/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks of CPU time, of the process and of threads, do not go back; a child begins at nothing. */
#include "scenario.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>

#define BUSY_MS 400

static volatile int used_up, go_on;
static char wrong[128];

static long read_ms(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        return -1;
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long usage_ms(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void burn(void)
{
    volatile long x = 0;

    while (read_ms(CLOCK_THREAD_CPUTIME_ID) < BUSY_MS)
        x++;
}

static void *run(void *unused)
{
    clockid_t own;

    burn();
    used_up = 1;
    while (!go_on)
        usleep(1000);
    pthread_getcpuclockid(pthread_self(), &own);
    if (read_ms(CLOCK_THREAD_CPUTIME_ID) < BUSY_MS || usage_ms(RUSAGE_THREAD) < BUSY_MS - 50 ||
        read_ms(own) < BUSY_MS)
        snprintf(wrong, sizeof(wrong), "a thread's clocks are at %ld, %ld and %ld ms",
                 read_ms(CLOCK_THREAD_CPUTIME_ID), usage_ms(RUSAGE_THREAD), read_ms(own));
    return unused;
}

static void check_child(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(read_ms(CLOCK_PROCESS_CPUTIME_ID) < BUSY_MS / 2 ? 0 : 1);
    waitpid(child, &status, 0);
    if (status != 0)
        sc_fail("a child has its parent's CPU time");
}

int main(int argc, char **argv)
{
    struct tms ticks;
    pthread_t thread;

    sc_init(argc, argv, "clocks of CPU time go on");
    pthread_create(&thread, NULL, run, NULL);
    burn();
    while (!used_up)
        usleep(1000);
    sc_ready();
    sc_wait();
    go_on = 1;
    pthread_join(thread, NULL);
    if (wrong[0] != '\0')
        sc_fail("%s", wrong);
    times(&ticks);
    if (read_ms(CLOCK_PROCESS_CPUTIME_ID) < 2 * BUSY_MS || usage_ms(RUSAGE_SELF) < BUSY_MS ||
        clock() < BUSY_MS * (CLOCKS_PER_SEC / 1000) ||
        (ticks.tms_utime + ticks.tms_stime) * 1000 / sysconf(_SC_CLK_TCK) < BUSY_MS)
        sc_fail("the clocks of the process are at %ld and %ld ms",
                read_ms(CLOCK_PROCESS_CPUTIME_ID), usage_ms(RUSAGE_SELF));
    if (read_ms(CLOCK_THREAD_CPUTIME_ID) < BUSY_MS)
        sc_fail("the main thread's clock is at %ld ms", read_ms(CLOCK_THREAD_CPUTIME_ID));
    check_child();
    sc_pass();
}
