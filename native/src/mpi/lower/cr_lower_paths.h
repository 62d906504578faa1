/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Files of this installation, found from where cr_mpirank lies: nothing is
 * compiled in. */
#ifndef CR_LOWER_PATHS_H
#define CR_LOWER_PATHS_H

#include "cr_error.h"

#include <limits.h>

struct cr_lower_paths {
    char agent[PATH_MAX];     /* lib/libcr.so.0 */
    char stub[PATH_MAX];      /* libexec/quiesce/mpi/libmpi.so.40 */
    char rankexec[PATH_MAX];  /* libexec/quiesce/mpi/rankexec.so */
    char fake_vdso[PATH_MAX]; /* libexec/quiesce/fakevdso.so */
    char node[PATH_MAX];      /* libexec/quiesce/crnode */
};

int cr_lower_paths_find(struct cr_lower_paths *ret_paths, struct cr_error *err);

#endif
