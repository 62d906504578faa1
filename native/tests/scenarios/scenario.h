/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario: a program that sets something up, waits to be saved and restored, and checks it.
 * run.sh crosses scenarios with ways of being saved. The program meets its runner in the directory
 * argv[1]: it makes "ready", and goes on when "go" appears.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char sc_directory[512];
static const char *sc_text;

/* All of the file is there when its name is: who waits for it reads it at once. */
static inline void sc_say(const char *name, const char *word, const char *text)
{
    char unfinished[620];
    char path[600];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", sc_directory, name);
    snprintf(unfinished, sizeof(unfinished), "%s.%d", path, (int)getpid());
    file = fopen(unfinished, "we");
    if (file == NULL)
        _exit(99);
    fprintf(file, "%s %s\n", word, text);
    fclose(file);
    if (rename(unfinished, path) != 0)
        _exit(99);
}

static inline void sc_init(int argc, char **argv, const char *text)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        exit(2);
    }
    snprintf(sc_directory, sizeof(sc_directory), "%s", argv[1]);
    sc_text = text;
}

/* What was set up stands. */
static inline void sc_ready(void)
{
    sc_say("ready", "ready", sc_text);
}

/* Returns when the process has been saved, restored or whatever the mode wants. */
static inline void sc_wait(void)
{
    const struct timespec step = {0, 2000000};
    char path[600];
    struct stat st;

    snprintf(path, sizeof(path), "%s/go", sc_directory);
    while (stat(path, &st) != 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

__attribute__((noreturn)) static inline void sc_pass(void)
{
    sc_say("result", "pass", sc_text);
    exit(0);
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void sc_fail(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sc_say("result", "fail", text);
    exit(1);
}

/* This machine lacks what the scenario needs. */
__attribute__((noreturn)) static inline void sc_skip(const char *reason)
{
    sc_say("ready", "skip", reason);
    exit(77);
}

static inline double sc_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
