/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_paths.h"

#include "cr_fmt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Writes the first of DIRECTORY/PLACES[i] that exists to OUT, or "". */
static void find(char out[PATH_MAX], const char *directory, const char *const *places)
{
    for (; *places != NULL; places++) {
        cr_fmt(out, PATH_MAX, "%s/%s", directory, *places);
        if (access(out, R_OK) == 0)
            return;
    }
    out[0] = '\0';
}

int cr_lower_paths_find(struct cr_lower_paths *paths, struct cr_error *err)
{
    static const char *const agent[] = {"../../lib/quiesce/libcr.so.0", "../../lib/libcr.so.0",
                                        NULL};
    static const char *const stub[] = {"mpi/libmpi.so.40", NULL};
    static const char *const fake_vdso[] = {"fakevdso.so", NULL};
    static const char *const node[] = {"crnode", NULL};
    static const char *const rankexec[] = {"mpi/rankexec.so", NULL};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length < 0)
        return cr_fail(err, errno, "reading /proc/self/exe");
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    find(paths->agent, self, agent);
    find(paths->stub, self, stub);
    find(paths->rankexec, self, rankexec);
    find(paths->fake_vdso, self, fake_vdso);
    find(paths->node, self, node);
    return 0;
}
