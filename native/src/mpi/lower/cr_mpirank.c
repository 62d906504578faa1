/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. cr_mpirank: the lower half of an MPI rank. mpirun starts it in place of the
 * program; it holds the real MPI library and runs the program above itself, in the same process.
 */
#include "cr_error.h"
#include "cr_lower_conditions.h"
#include "cr_lower_restore.h"
#include "cr_lower_start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* For a program as a shell has them; for a restart as quiesce has them. */
enum {
    EXIT_USAGE = 2,
    EXIT_IMAGE = 7,
    EXIT_HOST = 8,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

static const char usage[] = "usage: cr_mpirank PROGRAM [ARGUMENT...]\n"
                            "       cr_mpirank --restore DIR/REF/SEQUENCE\n"
                            "Runs PROGRAM as a rank of an MPI job that can be checkpointed.\n"
                            "To be started by mpirun or srun, in front of PROGRAM.\n";

static int start_exit_code(int error)
{
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int restore_exit_code(int error)
{
    if (error == ENOENT || (error >= CR_ENOTIMAGE && error <= CR_EINCOMPLETE))
        return EXIT_IMAGE;
    return EXIT_HOST;
}

/* mpirun may have been told of us twice: by the user and by a parameter set. Returns how many words to pass over. */
static int count_own_names(int argc, char **argv)
{
    int count = 0;

    while (count + 1 < argc && strcmp(basename(argv[count + 1]), "cr_mpirank") == 0)
        count++;
    return count;
}

int main(int argc, char **argv)
{
    struct cr_error err = {0, ""};
    int own = count_own_names(argc, argv);
    int restore;

    argc -= own;
    argv += own;
    restore = argc == 3 && strcmp(argv[1], "--restore") == 0;
    if (argc < 2 || (argv[1][0] == '-' && !restore)) {
        int help = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : EXIT_USAGE;
    }
    if (cr_lower_conditions_meet(argv, &err) == 0) {
        if (restore)
            cr_lower_restore(argv[2], &err);
        else
            cr_lower_start(argv + 1, &err);
    }
    fprintf(stderr, "cr_mpirank: %s\n", err.text);
    return restore ? restore_exit_code(err.code) : start_exit_code(err.code);
}
