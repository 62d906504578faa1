/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test programs of this folder share: talking to driver.py through files in $QUIESCE_TEST_DIR, computing without
 * MPI for a while, and counting what is wrong. Without the variable no checkpoint is asked for, so that the same program
 * also runs natively.
 */
#ifndef QT_H
#define QT_H

#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Weak, so that the files of one program share them. */
int qt_rank __attribute__((weak)), qt_size __attribute__((weak)), qt_wrong __attribute__((weak));

#define QT_CHECK(condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            qt_wrong++;                                                                            \
            printf("# rank %d, line %d: ", qt_rank, __LINE__);                                     \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
            fflush(stdout);                                                                        \
        }                                                                                          \
    } while (0)

static inline double qt_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Computes, polls the clock and uses the heap for SECONDS, not counting time in which the process did not exist. */
static inline void qt_compute(double seconds)
{
    double last = qt_now(), now, left = seconds;

    while (left > 0) {
        free(malloc(100 + (size_t)(left * 1e6) % 5000));
        now = qt_now();
        if (now > last && now - last < 0.5)
            left -= now - last;
        last = now;
    }
}

static inline void qt_path(char *out, size_t size, const char *name, int number)
{
    const char *folder = getenv("QUIESCE_TEST_DIR");

    snprintf(out, size, "%s/%s-%d", folder != NULL ? folder : "/nonexistent", name, number);
}

/* Whether the driver has made NAME-NUMBER. */
static inline int qt_seen(const char *name, int number)
{
    char path[512];

    qt_path(path, sizeof(path), name, number);
    return access(path, F_OK) == 0;
}

static inline void qt_make(const char *name, int number)
{
    char path[512];
    int fd;

    qt_path(path, sizeof(path), name, number);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

/* Computes until the driver has made NAME-NUMBER, 60 s at most. */
static inline void qt_until(const char *name, int number)
{
    int i;

    if (getenv("QUIESCE_TEST_DIR") == NULL)
        return;
    for (i = 0; i < 12000 && !qt_seen(name, number); i++)
        qt_compute(0.005);
    QT_CHECK(i < 12000, "the driver does not answer: %s-%d", name, number);
}

#endif
