/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of several processes: what they share. */
#ifndef SC_FAMILY_H
#define SC_FAMILY_H

#include "scenario.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

/* 1 when the runner has done what it wanted. */
static inline int sc_may_go(void)
{
    char path[600];
    struct stat st;

    snprintf(path, sizeof(path), "%s/go", sc_directory);
    return stat(path, &st) == 0;
}

static inline void sc_pause(void)
{
    const struct timespec step = {0, 1000000};

    clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

/* All of SIZE bytes; 0 at the end of the file. */
static inline int sc_read_all(int fd, void *buffer, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, (char *)buffer + got, size - got);
        if (n < 0)
            sc_fail("read: %s", strerror(errno));
        if (n == 0)
            return 0;
        got += (size_t)n;
    }
    return 1;
}

static inline void sc_write_all(int fd, const void *buffer, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, buffer, size);
        if (n < 0)
            sc_fail("write: %s", strerror(errno));
        buffer = (const char *)buffer + n;
        size -= (size_t)n;
    }
}

/* Waits for PID and demands that it exited with STATUS. */
static inline void sc_expect_exit(pid_t pid, int status)
{
    int got = 0;
    pid_t ended = waitpid(pid, &got, 0);

    if (ended != pid)
        sc_fail("waitpid(%d) gives %d: %s", pid, ended,
                ended < 0 ? strerror(errno) : "another one");
    if (!WIFEXITED(got) || WEXITSTATUS(got) != status)
        sc_fail("process %d ended with 0x%x and not with %d", pid, got, status);
}

/*
 * All of SIZE bytes from a process that is alive. If it is not, the runner is killing all of them, and this one's turn comes.
 */
static inline void sc_hear(int fd, void *buffer, size_t size)
{
    if (!sc_read_all(fd, buffer, size))
        for (;;)
            pause();
}

#endif
