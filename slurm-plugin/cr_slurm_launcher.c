/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. mpirun, mpiexec and orterun as the batch scripts find them whose job asks for checkpoints: the real ones,
 * under "quiesce run" with what the job's options say.
 */
#include "cr_slurm_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVELS_TO_PREFIX 3 /* this is libexec/quiesce/launchers */

enum { EXIT_REFUSED = 2, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* The file of this program, to tell it from the real one. */
static int is_self(const struct stat *file)
{
    struct stat self;

    return stat("/proc/self/exe", &self) == 0 && self.st_dev == file->st_dev &&
           self.st_ino == file->st_ino;
}

/* The next program called NAME on the PATH. NULL: there is none. */
static char *find_real(const char *name)
{
    const char *path = getenv("PATH");
    char *real = NULL;

    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        struct stat file;

        if (asprintf(&real, "%.*s/%s", (int)length, length > 0 ? path : ".", name) < 0)
            return NULL;
        if (stat(real, &file) == 0 && S_ISREG(file.st_mode) && access(real, X_OK) == 0 &&
            !is_self(&file))
            return real;
        free(real);
        path += length;
        path += *path == ':';
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct cr_slurm_wishes wishes;
    static struct cr_slurm_refusal refusal;
    char prefix[PATH_MAX];
    const char *name = argc > 0 ? basename(argv[0]) : "mpirun";
    char *real = find_real(name);

    if (real == NULL || argc < 1) {
        fprintf(stderr, "%s: not found on the PATH\n", name);
        return EXIT_NOT_FOUND;
    }
    argv[0] = real;
    if (!cr_slurm_start_is_under()) {
        if (cr_slurm_wishes_take_variables(&wishes, cr_slurm_start_variables, &refusal) < 0 ||
            cr_slurm_wishes_take_variables(&wishes, cr_slurm_start_old_variables, &refusal) < 0 ||
            cr_slurm_wishes_check(&wishes, &refusal) < 0) {
            fprintf(stderr, "%s: %s\n", name, refusal.text);
            return EXIT_REFUSED;
        }
        if (cr_slurm_wishes_any(&wishes) &&
            cr_slurm_start_prefix("/proc/self/exe", LEVELS_TO_PREFIX, prefix) == 0) {
            cr_slurm_start(prefix, &wishes, argv, &refusal);
            fprintf(stderr, "%s: %s\n", name, refusal.text);
            return EXIT_REFUSED;
        }
    }
    execv(real, argv);
    fprintf(stderr, "%s: cannot start %s: %s\n", name, real, strerror(errno));
    return EXIT_NOT_EXECUTABLE;
}
