/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_run: runs a program that can be checkpointed. */
#include "cr_cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libcr.so.0"
#define EXIT_USAGE 255

static void print_usage(FILE *out)
{
    fprintf(out, "Usage: cr_run [options] PROGRAM [ARGS...]\n"
                 "Runs PROGRAM so that it and its children can be checkpointed.\n\n"
                 "  --run        load the checkpoint library (default)\n"
                 "  --omit       leave PROGRAM and its children out of every checkpoint\n"
                 "  -?, --help   print this text\n"
                 "  --version    print the version\n");
}

/* The library is in lib/ beside our own bin/, or where the packager put libraries. */
static int find_library(char *out, size_t size)
{
    static const char *const folders[] = {"../lib", "../lib/quiesce", "../lib64",
                                          "../lib/x86_64-linux-gnu"};
    char own[PATH_MAX];
    char wanted[PATH_MAX + 64];
    char real[PATH_MAX];

    if (cr_cli_own_folder(own, sizeof(own)) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        snprintf(wanted, sizeof(wanted), "%s/%s/" LIBRARY, own, folders[i]);
        if (access(wanted, R_OK) != 0 || realpath(wanted, real) == NULL)
            continue;
        /* By the name with the version, so that another cr_run recognises it. */
        *strrchr(real, '/') = '\0';
        return snprintf(out, size, "%s/" LIBRARY, real) < (int)size ? 0 : -1;
    }
    return -1;
}

static int is_ours(const char *entry, size_t length)
{
    const char *name = entry;

    for (size_t i = 0; i < length; i++)
        if (entry[i] == '/')
            name = entry + i + 1;
    return (size_t)(entry + length - name) == strlen(LIBRARY) &&
           strncmp(name, LIBRARY, strlen(LIBRARY)) == 0;
}

/*
 * LD_PRELOAD with FIRST (may be NULL) in front and without any other libcr; kept preloads stay in
 * their order.
 */
static void set_preload(const char *first)
{
    const char *old = getenv("LD_PRELOAD");
    char *value = calloc(1, (old != NULL ? strlen(old) : 0) + PATH_MAX + 2);

    if (value == NULL)
        exit(EXIT_USAGE);
    if (first != NULL)
        strcpy(value, first);
    for (const char *at = old != NULL ? old : ""; *at != '\0';) {
        size_t length = strcspn(at, ": ");
        if (length > 0 && !is_ours(at, length)) {
            strcat(value, value[0] != '\0' ? ":" : "");
            strncat(value, at, length);
        }
        at += length + (at[length] != '\0');
    }
    if (value[0] != '\0')
        setenv("LD_PRELOAD", value, 1);
    else
        unsetenv("LD_PRELOAD");
    free(value);
}

static int parse(int argc, char **argv)
{
    static const struct option options[] = {{"run", no_argument, NULL, 'r'},
                                            {"omit", no_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {NULL, 0, NULL, 0}};
    int omit = 0;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+?", options, NULL)) != -1) {
        if (option == 'r') {
            omit = 0;
        } else if (option == 'o') {
            omit = 1;
        } else if (option == 'V') {
            printf("cr_run: version %s\n", QUIESCE_VERSION);
            exit(0);
        } else if (option == 'h' || strcmp(argv[optind - 1], "-?") == 0) {
            print_usage(stdout);
            exit(0);
        } else {
            fprintf(stderr, "cr_run: unknown option %s; see cr_run --help\n", argv[optind - 1]);
            exit(EXIT_USAGE);
        }
    }
    return omit;
}

int main(int argc, char **argv)
{
    char library[PATH_MAX];
    int omit = parse(argc, argv);

    if (optind >= argc) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!omit && find_library(library, sizeof(library)) < 0) {
        fprintf(stderr,
                "cr_run: cannot find " LIBRARY " in lib/ beside the folder of cr_run; is Quiesce "
                "installed completely?\n");
        return 127;
    }
    if (!omit && strpbrk(library, " :") != NULL) {
        fprintf(stderr,
                "cr_run: the dynamic linker cannot preload %s, as its path has a blank or a colon; "
                "install Quiesce in another place\n",
                library);
        return 127;
    }
    set_preload(omit ? NULL : library);
    execvp(argv[optind], argv + optind);
    fprintf(stderr, "cr_run: cannot run %s: %s\n", argv[optind], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
