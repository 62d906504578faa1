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

#define EXIT_USAGE 255

static void print_usage(FILE *out)
{
    fprintf(out, "Usage: cr_run [options] PROGRAM [ARGS...]\n"
                 "Runs PROGRAM so that it and its children can be checkpointed.\n\n"
                 "  --run        load the checkpoint library (default)\n"
                 "  --omit       leave PROGRAM and its children out of every checkpoint\n"
                 "  -?, --help   print this text\n"
                 "  --version    print the version\n"
                 "  --           end of the options\n\n"
                 "Exit status: that of PROGRAM; 127 if it is not found, 126 if it cannot be run, "
                 "255 for bad usage.\n");
}

/*
 * The library that makes a program take part in checkpoints, or leave them. Where there is none of its own for that, the
 * whole of libcr takes part, and nothing at all stays away.
 */
static int find_library(int omit, char *out, size_t size)
{
    if (cr_cli_library(omit ? "libcr_omit.so.0" : "libcr_run.so.0", out, size) == 0)
        return 1;
    if (omit)
        return 0;
    return cr_cli_library("libcr.so.0", out, size) == 0 ? 1 : -1;
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
    int found;

    if (optind >= argc) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    found = find_library(omit, library, sizeof(library));
    if (found < 0) {
        fprintf(stderr, "cr_run: cannot find libcr_run.so.0 in lib/ beside the folder of cr_run; "
                        "is Quiesce installed completely?\n");
        return 127;
    }
    if (found && strpbrk(library, " :") != NULL) {
        fprintf(stderr,
                "cr_run: the dynamic linker cannot preload %s, as its path has a blank or a colon; "
                "install Quiesce in another place\n",
                library);
        return 127;
    }
    if (cr_cli_set_preload(found ? library : NULL) < 0) {
        fprintf(stderr, "cr_run: no memory\n");
        return 126;
    }
    execvp(argv[optind], argv + optind);
    fprintf(stderr, "cr_run: cannot run %s: %s\n", argv[optind], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
