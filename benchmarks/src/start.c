/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rank prints "RANK BEFORE INIT PRIVATE SHARED": ms from its fork to main, ms in MPI_Init, and after a barrier its own memory
 * and its part of the memory that it shares, in KiB. usage: start
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* When this process was forked, in ms since boot. */
static double born_ms(void)
{
    unsigned long long ticks = 0;
    FILE *f = fopen("/proc/self/stat", "r");

    /* The name may hold blanks; the 22nd field is the 20th behind its parenthesis. */
    if (f != NULL) {
        if (fscanf(f,
                   "%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                   "%*d %*d %llu",
                   &ticks) != 1)
            ticks = 0;
        fclose(f);
    }
    return (double)ticks * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* Sum of two lines of smaps_rollup, in KiB. */
static long memory_kib(const char *one, const char *other)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long sum = 0, value;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        const char *colon = strchr(line, ':');

        if (colon == NULL || sscanf(colon + 1, "%ld kB", &value) != 1)
            continue;
        if (strncmp(line, one, strlen(one)) == 0 || strncmp(line, other, strlen(other)) == 0)
            sum += value;
    }
    if (f != NULL)
        fclose(f);
    return sum;
}

int main(int argc, char **argv)
{
    double before = now_ms(CLOCK_BOOTTIME) - born_ms(), start, init;
    long private, whole;
    int rank;

    start = now_ms(CLOCK_MONOTONIC);
    MPI_Init(&argc, &argv);
    init = now_ms(CLOCK_MONOTONIC) - start;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Barrier(MPI_COMM_WORLD);
    private = memory_kib("Private_Dirty:", "Private_Clean:");
    whole = memory_kib("Pss:", "Pss:");
    printf("%d %.2f %.2f %ld %ld\n", rank, before, init, private, whole - private);
    fflush(stdout);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return 0;
}
